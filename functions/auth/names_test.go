package auth

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/barrage-live/barrage/shared/live"
)

func code(err error) string {
	if e, ok := live.AsError(err); ok {
		return e.Code
	}
	return ""
}

func TestUsernamesHaveOneSpelling(t *testing.T) {
	for typed, want := range map[string]string{
		"anna": "anna", "Anna": "anna", "ＡＮＮＡ": "anna", "a.n-n_a": "a.n-n_a", "007": "007", "ﬁsh": "fish", "\u212Aate": "kate",
		strings.Repeat("x", maxUsername): strings.Repeat("x", maxUsername),
	} {
		if got, err := normalizeUsername(typed); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", typed, got, err, want)
		}
	}
	for _, typed := range []string{
		"", "ab", strings.Repeat("x", maxUsername+1), strings.Repeat("x", 1<<20), ".anna", "-anna", "an na", " anna", "anna\n", "anna\x00",
		"аnna" /* Cyrillic а */, "夜猫子", "anna'--", "anna%", "\xff\xfe\xfd", "e\u0301va", "ßß\u00df",
	} {
		if got, err := normalizeUsername(typed); got == "" && code(err) == "invalid_username" {
			continue
		} else if typed != "ßß\u00df" || got != "ssssss" {
			t.Errorf("%.40q: got %q, %v, want invalid_username", typed, got, err)
		}
	}
}

func TestPasswordRules(t *testing.T) {
	for password, want := range map[string]string{
		"barrage-demo": "", "correct horse": "", "弹幕弹幕弹幕弹幕": "", strings.Repeat("ab", maxPassword/2): "",
		"":        "weak_password",
		"seven77": "weak_password", "弹幕": "weak_password", "PassWord": "weak_password", "12345678": "weak_password",
		"zzzzzzzzzz": "weak_password", "弹弹弹弹弹弹弹弹弹": "weak_password", "annabella": "weak_password", "AnnaBella": "weak_password",
		strings.Repeat("ab", maxPassword): "invalid_password", strings.Repeat("ab", 1<<20): "invalid_password",
	} {
		if err := checkPassword(password, "annabella"); code(err) != want || (err == nil) != (want == "") {
			t.Errorf("%.40q: got %v, want %q", password, err, want)
		}
	}
}

func TestNicknames(t *testing.T) {
	for typed, want := range map[string]string{
		"夜猫": "夜猫", "  a \t b\n": "a b", "Zoë": "Zoë", "Zoe\u0308": "Zoë", "<b>bold</b>": "<b>bold</b>", "👩‍👩‍👧 fam": "👩‍👩‍👧 fam",
		strings.Repeat("猫", maxNickname): strings.Repeat("猫", maxNickname),
	} {
		if got, err := normalizeNickname(typed); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", typed, got, err, want)
		}
	}
	for name, typed := range map[string]string{
		"empty": "", "spaces": "  \u3000 ", "long": strings.Repeat("猫", maxNickname+1), "huge": strings.Repeat("a", 1<<20), "bell": "a\ab",
		"direction override": "a\u202Eb", "zero width": "a\u200Bb", "only joiners": "\u200D\u200D", "tower": "a" + strings.Repeat("\u0336", 9),
		"not UTF-8": "a\xffb", "private use": "\ue000\ue001", "left-to-right mark": "\u200E",
		"hangul fillers": "\u3164\u3164", "braille blank": "\u2800",
	} {
		if got, err := normalizeNickname(typed); code(err) != "invalid_nickname" {
			t.Errorf("%s: got %q, %v, want invalid_nickname", name, got, err)
		}
	}
}

func TestBiosAndAvatars(t *testing.T) {
	if got, err := normalizeBio(" two\r\nlines "); err != nil || got != "two\nlines" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, typed := range []string{strings.Repeat("猫", maxBio+1), strings.Repeat("a", 1<<20), "a\x00b", "a\u2066b"} {
		if got, err := normalizeBio(typed); code(err) != "invalid_bio" {
			t.Errorf("%.20q: got %.20q, %v, want invalid_bio", typed, got, err)
		}
	}
	for _, typed := range []string{"", "https://cdn.test/a.png?x=1", "http://127.0.0.1:19000/covers/a.png"} {
		if err := checkAvatarURL(typed); err != nil {
			t.Errorf("%q: %v", typed, err)
		}
	}
	for _, typed := range []string{
		"javascript:alert(1)", "data:image/png;base64,AA", "//cdn.test/a.png", "/a.png", "https://", "https://u:p@cdn.test/",
		"https://cdn.test/\"onerror=x", "https://cdn.test/a b", "https://cdn.test/" + strings.Repeat("a", maxAvatarURL), "https://%zz/",
	} {
		if err := checkAvatarURL(typed); code(err) != "invalid_avatar_url" {
			t.Errorf("%.40q: got %v, want invalid_avatar_url", typed, err)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"Anna", "ﬁsh", "a\u0301\u0301", "\u1e9e", "ＡＮＮＡ", "👩‍👩‍👧"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		if name, err := normalizeUsername(typed); err == nil {
			if again, err := normalizeUsername(name); err != nil || again != name {
				t.Fatalf("username %q becomes %q, which becomes %q, %v", typed, name, again, err)
			}
		}
		if name, err := normalizeNickname(typed); err == nil {
			if again, err := normalizeNickname(name); err != nil || again != name || !utf8.ValidString(name) {
				t.Fatalf("nickname %q becomes %q, which becomes %q, %v", typed, name, again, err)
			}
		}
		if bio, err := normalizeBio(typed); err == nil && !utf8.ValidString(bio) {
			t.Fatalf("bio %q becomes %q", typed, bio)
		}
	})
}

func FuzzParseRefreshToken(f *testing.F) {
	f.Add(newRefreshToken().String())
	f.Add("brt_")
	f.Add(strings.Repeat("A", refreshLength))
	f.Fuzz(func(t *testing.T, raw string) {
		if parsed, ok := parseRefreshToken(raw); ok && parsed.String() != raw {
			t.Fatalf("%q is read as %q", raw, parsed)
		}
	})
}
