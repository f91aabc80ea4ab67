package main

import (
	"math/rand/v2"
	"strconv"
)

// persona is a demo bot's name and the colour it writes in.
type persona struct{ username, nickname, color string }

// personaOf is the i-th bot's, from 0. Behind the last one they begin again, with a number.
func personaOf(i int) persona {
	all := personas()
	p := all[i%len(all)]
	if round := i / len(all); round > 0 {
		n := strconv.Itoa(round + 1)
		p.username, p.nickname = p.username+"-"+n, p.nickname+n
	}
	return p
}

func personas() []persona {
	return []persona{
		{"bot-xiaoyu", "小鱼干", "#ffffff"}, {"bot-mika", "Mika", "#ffd166"}, {"bot-laowang", "隔壁老王", "#ffffff"},
		{"bot-jasper", "jasper_k", "#7bdff2"}, {"bot-tangyuan", "芝麻汤圆", "#f7aef8"}, {"bot-nightowl", "NightOwl", "#ffffff"},
		{"bot-ayu", "阿宇今天早睡", "#b8f2e6"}, {"bot-sora", "sora", "#ffffff"}, {"bot-chengzi", "一颗橙子", "#ff9f1c"},
		{"bot-pixel", "PixelPanda", "#a0e426"}, {"bot-linlin", "林林七", "#ffffff"}, {"bot-otto", "Otto", "#c8b6ff"},
	}
}

// line picks something that a viewer could say at any moment of a stream.
func line(r *rand.Rand) string {
	lines := openers()
	switch n := r.IntN(10); {
	case n < 4:
		lines = reactions()
	case n < 7:
		lines = remarks()
	case n < 9:
		lines = questions()
	}
	return lines[r.IntN(len(lines))]
}

func openers() []string {
	return []string{
		"来了来了", "刚下班，没错过什么吧", "前排打卡", "hello from Berlin", "晚上好呀大家", "just got here, what did I miss?",
		"第一次看，路过", "早八人前来报到", "good morning from Toronto", "我又来了，每日一看", "潜水三天，冒个泡", "hi everyone o/",
	}
}

func reactions() []string {
	return []string{
		"哈哈哈哈哈哈", "2333333", "草", "啊这", "好家伙", "666", "GG", "lol", "LMAO", "nice one", "妙啊", "泪目",
		"这也行？", "太强了", "wait what", "no way", "破防了", "笑死我了", "awww", "绝了绝了", "hahahaha", "前方高能", "神了",
		"clip it!!", "我直接好家伙", "救命", "这波在大气层", "POG", "名场面", "细节",
	}
}

func remarks() []string {
	return []string{
		"这个背景音乐好听", "the lighting looks great today", "主播今天状态不错", "弹幕护体", "this is oddly relaxing",
		"边写作业边看的举手", "已经三刷了", "my cat is watching this too", "建议开慢一点，我手速跟不上", "画质好清晰",
		"好久没看到这么热闹了", "I should be sleeping", "这个角度绝了", "背景那盆绿萝长大了好多", "the chat is moving so fast",
		"外卖到了，正好下饭", "同意楼上", "what a save", "氛围感拉满", "这一段可以循环一整天", "respect", "今天人好多啊",
		"刚给朋友安利了", "subtitles would be nice", "声音刚刚好", "坐等高潮", "慢慢来，不着急",
	}
}

func questions() []string {
	return []string{
		"这首歌叫什么？", "what game is this?", "今天播到几点？", "有没有课代表总结一下", "is there a VOD of yesterday?",
		"主播吃了吗", "how long have you been streaming today?", "下次什么时候播呀", "刚才那个是怎么做到的？",
		"which mic is that?", "在线人数怎么涨这么快", "有人和我一样在地铁上看吗", "can we get a replay of that?", "麦克风什么型号，求链接",
	}
}
