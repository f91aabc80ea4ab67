package words

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// gap is what stood before a rune in the text and was left out of the folded one.
type gap uint8

const (
	noGap     gap = iota
	symbolGap     // only symbols: f*u*c*k
	wordGap       // white space, or an apostrophe between letters: what parts honest words too
)

// unit is one rune that counts.
type unit struct {
	r     rune
	gap   gap
	alpha bool // of a script that parts its words by spaces, or a digit
}

// fold returns the runes by which texts are compared: NFKC (full width, circled, styled letters become plain ones),
// lower case, without accents, and without what is invisible. White space and symbols only leave a gap behind.
func fold(text string) []unit {
	f := folder{to: make([]unit, 0, utf8.RuneCountInString(text))}
	if !f.fold(text, false) {
		f = folder{to: f.to[:0]}
		f.fold(norm.NFKC.String(text), true)
	}
	return f.to
}

type folder struct {
	to     []unit
	before gap
}

// fold reports false when the text has to be normalized first, which for almost all texts it need not be.
func (f *folder) fold(text string, normal bool) bool {
	for i, r := range text {
		switch {
		case r >= 0x4e00 && r <= 0x9fff: // the bulk of Han
			f.add(r, false)
		case r < utf8.RuneSelf:
			f.ascii(text, i, r)
		case r < smallRunes:
			f.small(r)
		case r >= 0xff01 && r <= 0xff5e: // full width
			f.ascii(text, i, r-0xff00+' ')
		case r == 0x3000 || unicode.IsSpace(r):
			f.before = wordGap
		case r == 0x3001 || r == 0x3002: // comma and full stop of Chinese
			f.before = max(f.before, symbolGap)
		case !normal && !norm.NFKC.IsNormalString(text):
			return false
		default:
			normal = true
			f.other(text, i, r)
		}
	}
	return true
}

func (f *folder) add(r rune, alpha bool) {
	f.to, f.before = append(f.to, unit{r, f.before, alpha}), noGap
}

func (f *folder) ascii(text string, at int, r rune) {
	switch {
	case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
		f.add(r, true)
	case r >= 'A' && r <= 'Z':
		f.add(r-'A'+'a', true)
	case r == ' ', r >= '\t' && r <= '\r':
		f.before = wordGap
	case r == '\'':
		f.before = max(f.before, apostrophe(text, at))
	case r > ' ' && r != 0x7f: // control characters are invisible
		f.before = max(f.before, symbolGap)
	}
}

// apostrophe keeps "he'll" from being read as one word.
func apostrophe(text string, at int) gap {
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	_, size := utf8.DecodeRuneInString(text[at:])
	after, _ := utf8.DecodeRuneInString(text[at+size:])
	if unicode.IsLetter(before) && unicode.IsLetter(after) {
		return wordGap
	}
	return symbolGap
}

// smallRunes is the end of Latin, Greek and Cyrillic, whose folding is looked up.
const smallRunes = 0x0530

// small is the folding of each rune below smallRunes: letters, "" when it is invisible, " " and "*" for the gaps.
var small = func() (t [smallRunes]string) {
	for r := rune(utf8.RuneSelf); r < smallRunes; r++ {
		switch {
		case invisible(r):
		case unicode.IsSpace(r):
			t[r] = " "
		default:
			t[r] = bare(r)
		}
	}
	return t
}()

func (f *folder) small(r rune) {
	for _, base := range small[r] {
		switch base {
		case ' ':
			f.before = wordGap
		case '*':
			f.before = max(f.before, symbolGap)
		default:
			f.add(base, true)
		}
	}
}

// bare is the lower-case letter without its accents, "*" for what is no letter.
func bare(r rune) string {
	var out []rune
	for _, d := range norm.NFKD.String(string(r)) {
		switch {
		case unicode.Is(unicode.Mn, d):
		case d == 'ı':
			out = append(out, 'i')
		case d == 'ς':
			out = append(out, 'σ')
		case unicode.IsLetter(d) || unicode.IsNumber(d):
			out = append(out, unicode.ToLower(d))
		}
	}
	if len(out) == 0 {
		return "*"
	}
	return string(out)
}

// other takes a rune of normalized text that nobody is quick about.
func (f *folder) other(text string, at int, r rune) {
	switch {
	case r >= 0x3041 && r <= 0x30ff, r >= 0xac00 && r <= 0xd7a3: // kana and Hangul
		f.add(r, false)
	case r == '’' || r == '‘':
		f.before = max(f.before, apostrophe(text, at))
	case invisible(r):
	case !unicode.IsLetter(r) && !unicode.IsNumber(r):
		f.before = max(f.before, symbolGap)
	case r >= 0x1e00 && r <= 0x1fff: // more Latin and Greek with accents
		for _, base := range bare(r) {
			f.add(base, true)
		}
	default:
		f.add(unicode.ToLower(r), alphabetic(r))
	}
}

// invisible runes are left out without a trace: format characters, variation selectors, combining marks but for the
// voicing marks of kana, which make another letter, and fillers that fonts draw as nothing.
func invisible(r rune) bool {
	switch r {
	case 0x3099, 0x309a:
		return false
	case 0x115f, 0x1160, 0x3164, 0xffa0:
		return true
	}
	return unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me, unicode.Cc) && !unicode.IsSpace(r)
}

// alphabetic letters make up words between spaces. Korean has spaces, but glues its particles to the words.
func alphabetic(r rune) bool {
	return !unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao,
		unicode.Khmer, unicode.Myanmar)
}
