package words

import (
	"errors"
	"strings"
	"testing"
)

func compile(t testing.TB, list ...string) *List {
	t.Helper()
	l, err := Compile(list)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// What is caught, and what must not be.
func TestBlocked(t *testing.T) {
	list := compile(t, "ass", "fuck", "hell", "penis", "Café", "kill yourself", "shit*", "*porn", "赌博", "加V信", "习近平", "バカ", "ガ", "간", "сука", "88")
	for _, test := range []struct {
		text string
		want bool
	}{
		{"fuck", true}, {"what the FUCK!", true}, {"ｆｕｃｋ", true}, {"Ⓕⓤⓒⓚ", true}, {"𝓯𝓾𝓬𝓴", true}, {"fück", true}, {"f̶u̶c̶k̶", true},
		{"f u c k", true}, {"f.u.c.k", true}, {"f*u*c*k you", true}, {"fu-ck", true}, {"f\u200bu\u200bc\u200bk", true}, {"f　u　c　k", true},
		{"fu\u00adck", true}, {"f'u'c'k", true}, {"f_u_c_k", true},
		{"fucking", false}, {"motherfuck", false}, {"fu ck", false},
		{"class", false}, {"pass", false}, {"assess", false}, {"a class act", false}, {"grass is green", false}, {"as so often", false},
		{"ass", true}, {"you ass!", true}, {"a.s.s", true}, {"a s s", true}, {"as s", false}, {"gas station", false},
		{"hello", false}, {"he'll come", false}, {"he’ll come", false}, {"go to hell", true}, {"shell", false},
		{"the pen is here", false}, {"p e n i s", true}, {"peninsula", false}, {"pen-is", true},
		{"cafe", true}, {"CAFÉ", true}, {"café", true},
		{"kill yourself", true}, {"killyourself", true}, {"k i l l y o u r s e l f", true}, {"kill  ,  yourself", true}, {"kill your selfie", false},
		{"shit", true}, {"shitty", true}, {"bullshit", false}, {"foodporn", true}, {"porn", true}, {"pornography", false},
		{"赌博", true}, {"去赌博吧", true}, {"赌 博", true}, {"赌*博", true}, {"赌\u200b博", true}, {"赌　博", true}, {"赌a博", false}, {"博赌", false},
		{"加v信", true}, {"加Ｖ信吧", true}, {"加 v 信", true}, {"加w信", false},
		{"バカ", true}, {"ﾊﾞｶ", true}, {"ハカ", false}, {"カ", false}, {"ｶﾞ", true},
		{"간다", true}, {"각", false},
		{"СУКА", true}, {"барсука", false},
		{"88", true}, {"1988", false}, {"88年", true}, {"８８", true},
		{"", false}, {"   ", false}, {"😀", false},
	} {
		if got := Blocked(test.text, list); got != test.want {
			t.Errorf("%q: got blocked %v, want %v", test.text, got, test.want)
		}
	}
}

func TestSeveralLists(t *testing.T) {
	one, two := compile(t, "one"), compile(t, "二")
	for text, want := range map[string]bool{"one": true, "二": true, "three": false} {
		if got := Blocked(text, nil, one, compile(t), two); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
	if Blocked("one") {
		t.Error("blocked by no list at all")
	}
}

func TestRepeatsAreOneWord(t *testing.T) {
	l := compile(t, "Ass", "ass", "ａｓｓ", "ass*")
	if l.Len() != 1 {
		t.Errorf("got %d words, want 1", l.Len())
	}
	if !Blocked("asses", l) {
		t.Error("the open one of two equal words was forgotten")
	}
}

func TestBadWords(t *testing.T) {
	for _, word := range []string{"", "  ", "*", "**", "...", "\u200b", "😀"} {
		if err := Check(word); !errors.Is(err, ErrEmptyWord) {
			t.Errorf("%q: got %v, want ErrEmptyWord", word, err)
		}
	}
	if _, err := Compile([]string{"fine", strings.Repeat("x", MaxRunes+1)}); err == nil {
		t.Error("a word that is too long was taken")
	}
	if err := Check(strings.Repeat("字", MaxRunes)); err != nil {
		t.Errorf("got %v for the longest word", err)
	}
}

// FuzzBlocked holds the automaton against a search for each word by itself.
func FuzzBlocked(f *testing.F) {
	f.Add("f u c k 你好 class", "fuck\n你好\nass\nas")
	f.Add("ａbc", "b\nabc\nbc\nc*\n*a")
	f.Add("a\u0301\u200d'x", "ax")
	f.Add("ushers", "he\nshe\nhers\nhis*\n*s")
	f.Fuzz(func(t *testing.T, text, lines string) {
		if len(text) > 2000 || len(lines) > 2000 {
			return
		}
		var list []string
		for word := range strings.SplitSeq(lines, "\n") {
			if Check(word) == nil {
				list = append(list, word)
			}
		}
		all := compile(t, list...)
		want := false
		for _, word := range list {
			want = want || slowly(t, text, word)
		}
		if got := Blocked(text, all); got != want && !merged(t, list) {
			t.Errorf("%q with %q: got %v, want %v", text, list, got, want)
		}
	})
}

// merged tells lists in which two words have the same letters: together they find more than one by one.
func merged(t *testing.T, list []string) bool { return compile(t, list...).Len() != len(list) }

func slowly(t *testing.T, text, word string) bool {
	want, p, err := parse(word)
	if err != nil {
		t.Fatal(err)
	}
	units := fold(text)
	for from := 0; from+len(want) <= len(units); from++ {
		same := true
		for i := range want {
			same = same && units[from+i].r == want[i].r
		}
		if same && p.fits(units, from+len(want)-1) {
			return true
		}
	}
	return false
}
