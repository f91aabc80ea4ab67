package token

import (
	"bytes"
	"errors"
	"fmt"
)

// A rotation takes three steps, each of them a new list of keys for the issuer, and a wait after each: AddKey publishes
// the next key before it signs, PromoteKey lets it sign while the last one still checks, DropKeys ends the last one.

// AddKey puts a new key behind the others: it is published and signs nothing yet.
func AddKey(keys []Key) ([]Key, error) {
	switch {
	case len(keys) == 0 || keys[0].private == nil:
		return nil, errors.New("add key: the first of the keys does not sign")
	case len(keys) > 1:
		return nil, fmt.Errorf("add key: there are %d keys already: a rotation is under way, drop its last key first", len(keys))
	}
	next, err := GenerateKey()
	if err != nil {
		return nil, err
	}
	return []Key{keys[0], next}, nil
}

// PromoteKey lets the key that AddKey has added sign; the one that signed before it is published without its private
// half, which nobody needs any more.
func PromoteKey(keys []Key) ([]Key, error) {
	if len(keys) != 2 || keys[1].private == nil {
		return nil, errors.New("promote key: there is no next key: add one first, and let verifiers fetch it")
	}
	return []Key{keys[1], {ID: keys[0].ID, alg: keys[0].alg, public: keys[0].public}}, nil
}

// DropKeys leaves the key that signs: tokens of the others are refused from then on. It refuses while the others are
// still to sign, as a next key that was published is what the next step needs.
func DropKeys(keys []Key) ([]Key, error) {
	if len(keys) < 2 {
		return nil, errors.New("drop keys: there is none but the one that signs")
	}
	for _, k := range keys[1:] {
		if k.private != nil {
			return nil, fmt.Errorf("drop keys: %s has not signed yet: promote it first", k.ID)
		}
	}
	return keys[:1], nil
}

// MarshalKeys writes the keys as ParseKeys reads them.
func MarshalKeys(keys []Key) ([]byte, error) {
	var text bytes.Buffer
	for _, k := range keys {
		block, err := k.PEM()
		if err != nil {
			return nil, fmt.Errorf("write key %s: %w", k.ID, err)
		}
		text.Write(block)
	}
	return text.Bytes(), nil
}
