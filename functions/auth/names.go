package auth

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/barrage-live/barrage/shared/live"
)

// The bounds of what users type. Texts count characters, inputs are cut off in bytes before any work is done on them.
const (
	minUsername, maxUsername = 3, 32
	minPassword, maxPassword = 8, 128
	maxNickname              = 32
	maxBio                   = 200
	maxAvatarURL             = 512 // bytes
	maxInput                 = 1024
	maxMarks                 = 3 // combining marks in a row
)

// normalizeUsername makes one name of all its spellings: full width, ligatures and capitals are folded. What is left
// must be ASCII, so that no two names look the same.
func normalizeUsername(typed string) (string, error) {
	if len(typed) > maxInput {
		typed = ""
	}
	name := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(typed)))
	ok := len(name) >= minUsername && len(name) <= maxUsername && isAlphanumeric(name[0])
	for i := range len(name) {
		ok = ok && (isAlphanumeric(name[i]) || strings.IndexByte("._-", name[i]) >= 0)
	}
	if !ok {
		return "", live.Errorf(live.KindInvalid, "invalid_username",
			"A username is %d to %d letters a-z, digits, dots, dashes or underscores, and begins with a letter or digit.",
			minUsername, maxUsername)
	}
	return name, nil
}

func isAlphanumeric(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

// commonPasswords are those of at least 8 characters that every guesser tries first.
func commonPasswords() []string {
	return []string{
		"password", "password1", "passw0rd", "12345678", "123456789", "1234567890", "87654321", "11111111", "00000000",
		"88888888", "66666666", "qwertyui", "qwertyuiop", "asdfghjkl", "1q2w3e4r", "1qaz2wsx", "iloveyou", "sunshine",
		"princess", "football", "baseball", "trustno1", "superman", "woaini1314", "a1234567", "a12345678", "abc12345",
	}
}

// normalizePassword makes the same bytes of what different keyboards send for the same characters (RFC 8265, without
// its refusals).
func normalizePassword(typed string) string { return norm.NFC.String(typed) }

func checkPassword(password, username string) error {
	weak := func(why string) error { return live.Errorf(live.KindInvalid, "weak_password", "%s", why) }
	folded := strings.ToLower(password)
	switch n := utf8.RuneCountInString(password); {
	case n < minPassword:
		return weak("The password must have at least 8 characters.")
	case n > maxPassword || len(password) > maxInput:
		return live.Errorf(live.KindInvalid, "invalid_password", "The password may have at most %d characters.", maxPassword)
	case folded == username:
		return weak("The password must not be the username.")
	case slices.Contains(commonPasswords(), folded):
		return weak("That password is one of the first that anybody would guess.")
	case strings.Trim(password, string([]rune(password)[:1])) == "":
		return weak("The password must have more than one character in it.")
	}
	return nil
}

func normalizeNickname(typed string) (string, error) {
	refused := live.Errorf(live.KindInvalid, "invalid_nickname", "A nickname is 1 to %d visible characters.", maxNickname)
	if len(typed) > maxInput {
		return "", refused
	}
	name := norm.NFC.String(strings.Join(strings.Fields(typed), " "))
	if n := utf8.RuneCountInString(name); n == 0 || n > maxNickname || !isPlain(name) || !hasVisible(name) {
		return "", refused
	}
	return name, nil
}

func normalizeBio(typed string) (string, error) {
	bio := typed[:min(len(typed), maxInput)]
	bio = norm.NFC.String(strings.TrimSpace(strings.ReplaceAll(bio, "\r\n", "\n")))
	if len(typed) > maxInput || utf8.RuneCountInString(bio) > maxBio || !isPlain(strings.ReplaceAll(bio, "\n", " ")) {
		return "", live.Errorf(live.KindInvalid, "invalid_bio", "A bio is at most %d characters of plain text.", maxBio)
	}
	return bio, nil
}

// isPlain refuses what changes the text around it: controls, direction overrides, towers of combining marks. The
// joiner of emoji is let through.
func isPlain(s string) bool {
	const zeroWidthJoiner = '\u200d'
	marks := 0
	for _, r := range s {
		if unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r) {
			marks++
		} else {
			marks = 0
		}
		if r == utf8.RuneError || marks > maxMarks || (!unicode.IsGraphic(r) && r != zeroWidthJoiner) {
			return false
		}
	}
	return true
}

func hasVisible(s string) bool {
	const blank = "\u115f\u1160\u3164\uffa0\u2800" // letters and symbols by their class, but nothing to see
	return strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune(blank, r) && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsPunct(r) || unicode.IsSymbol(r))
	})
}

// checkAvatarURL accepts "" and web addresses. The server never fetches them; pages put them into <img src>.
func checkAvatarURL(typed string) error {
	if typed == "" {
		return nil
	}
	u, err := url.Parse(typed)
	if len(typed) > maxAvatarURL || err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil ||
		strings.ContainsAny(typed, " \"'<>\\`") {
		return live.Errorf(live.KindInvalid, "invalid_avatar_url", "An avatar is an http or https URL of at most %d characters.", maxAvatarURL)
	}
	return nil
}
