package wire

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/barrage-live/barrage/shared/live"
)

// Check returns the message with defaults filled in, content normalised and fields of other types cleared, or a
// *live.Error of code bad_message or too_long. It is the one rule for sockets and HTTP.
func (in Inbound) Check() (Inbound, error) {
	out := Inbound{Type: in.Type, ID: in.ID}
	if len(in.ID) > MaxID || !validID(in.ID) {
		return Inbound{Type: in.Type}, badMessage("id is up to 64 of A–Z a–z 0–9 . _ : -")
	}
	switch in.Type {
	case live.Danmu:
		return checkDanmu(out, in)
	case live.Like:
		return checkLike(out, in)
	case live.Gift:
		return checkGift(out, in)
	case live.Auth:
		if out.Token = in.Token; in.Token == "" {
			return out, badMessage("data.token is missing")
		}
		return out, nil
	case live.Ping:
		return out, nil
	default:
		return Inbound{ID: in.ID}, badMessage("unknown type")
	}
}

func checkDanmu(out, in Inbound) (Inbound, error) {
	content, err := checkContent(in.Content)
	if err != nil {
		return out, err
	}
	out.Content = content
	out.Danmu, err = checkStyle(in.Danmu)
	return out, err
}

func checkLike(out, in Inbound) (Inbound, error) {
	if out.LikeCount = in.LikeCount; in.LikeCount == 0 {
		out.LikeCount = 1
	}
	if out.LikeCount < 1 || out.LikeCount > MaxLikeCount {
		return out, badMessage("data.count of likes is 1 to 100")
	}
	return out, nil
}

func checkGift(out, in Inbound) (Inbound, error) {
	out.GiftID = in.GiftID
	if out.GiftCount = in.GiftCount; in.GiftCount == 0 {
		out.GiftCount = 1
	}
	switch {
	case in.ID == "": // without it a repeat would be charged again
		return out, badMessage("a gift needs an id")
	case in.GiftID < 1 || in.GiftID > maxNumber:
		return out, badMessage("data.gift_id is not a gift")
	case out.GiftCount < 1 || out.GiftCount > MaxGiftCount:
		return out, badMessage("data.count of gifts is 1 to 9999")
	}
	return out, nil
}

// validID keeps ids free of what would need quoting in headers, keys and logs: UUID and ULID pass.
func validID(id string) bool {
	for i := range len(id) {
		c := id[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == ':':
		default:
			return false
		}
	}
	return true
}

func checkContent(content string) (string, error) {
	if len(content) > MaxInbound {
		return "", errTooLong()
	}
	if !utf8.ValidString(content) {
		return "", badMessage("content is not valid UTF-8")
	}
	content = strings.TrimSpace(norm.NFC.String(content))
	count := 0
	for _, r := range content {
		if forbidden(r) {
			return "", badMessage("content has control characters")
		}
		count++
	}
	switch {
	case count == 0:
		return "", badMessage("content is empty")
	case count > MaxContent:
		return "", errTooLong()
	}
	return content, nil
}

func errTooLong() error {
	return live.Errorf(live.KindInvalid, CodeTooLong, "content has at most %d characters", MaxContent)
}

// forbidden are control characters, line and paragraph separators, and the overrides of text direction, by which one
// message could redraw its neighbours. Joiners stay: emoji need them.
func forbidden(r rune) bool {
	return unicode.IsControl(r) || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

func checkStyle(style DanmuStyle) (DanmuStyle, error) {
	switch style.Mode {
	case "":
		style.Mode = "scroll"
	case "scroll", "top", "bottom":
	default:
		return DanmuStyle{}, badMessage("data.mode is scroll, top or bottom")
	}
	switch style.Size {
	case "":
		style.Size = "medium"
	case "small", "medium", "large":
	default:
		return DanmuStyle{}, badMessage("data.size is small, medium or large")
	}
	if style.Color == "" {
		style.Color = "#ffffff"
		return style, nil
	}
	if !validColor(style.Color) {
		return DanmuStyle{}, badMessage("data.color is #rrggbb")
	}
	style.Color = strings.ToLower(style.Color)
	return style, nil
}

func validColor(color string) bool {
	if len(color) != len("#rrggbb") || color[0] != '#' {
		return false
	}
	for i := 1; i < len(color); i++ {
		c := color[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}
