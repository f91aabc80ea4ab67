// Command rotate takes a signing key file (TOKEN_SIGNING_KEY) through the steps of a rotation, so that no token is refused
// meanwhile: see docs/playbooks/signing-keys.md.
//
//	go run ./scripts/rotate new     FILE   a first key
//	go run ./scripts/rotate add     FILE   the next key is published
//	go run ./scripts/rotate promote FILE   it signs
//	go run ./scripts/rotate drop    FILE   the last key ends
//
// FILE "-" reads the keys from standard input and writes them to standard output, for a secret that is in no file.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/barrage-live/barrage/shared/token"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "rotate:", err)
		os.Exit(1)
	}
}

const usage = "usage: rotate new|add|promote|drop FILE   (FILE - is standard input and output)"

// step changes the keys, and says what has to happen before the next step.
type step struct {
	change func([]token.Key) ([]token.Key, error)
	then   string
}

func steps() map[string]step {
	return map[string]step{
		"new": {firstKey, "give it to everything that signs or checks"},
		"add": {token.AddKey, fmt.Sprintf("restart the auth function, then wait until every verifier has fetched the new key: "+
			"%v at least. Next: promote", 2*token.DefaultRefresh)},
		"promote": {token.PromoteKey, fmt.Sprintf("restart the auth function, then wait until the last token of the old key has "+
			"expired: %v and the sockets' grace. Next: drop", token.DefaultTTL)},
		"drop": {token.DropKeys, "restart the auth function; tokens of the old key are refused once verifiers have fetched"},
	}
}

func firstKey([]token.Key) ([]token.Key, error) {
	key, err := token.GenerateKey()
	return []token.Key{key}, err
}

func run(args []string, in io.Reader, out, say io.Writer) error {
	if len(args) != 2 {
		return errors.New(usage)
	}
	name, file := args[0], args[1]
	s, ok := steps()[name]
	if !ok {
		return errors.New(usage)
	}
	keys, err := read(name, file, in)
	if err != nil {
		return err
	}
	if keys, err = s.change(keys); err != nil {
		return err
	}
	text, err := token.MarshalKeys(keys)
	if err != nil {
		return err
	}
	if file == "-" {
		_, err = out.Write(text)
	} else {
		err = replace(file, text)
	}
	if err != nil {
		return err
	}
	for i, k := range keys {
		does := "is published"
		if i == 0 {
			does = "signs"
		}
		fmt.Fprintf(say, "%s %s\n", k.ID, does)
	}
	fmt.Fprintln(say, s.then)
	return nil
}

// read is of no use to the first key, which must not replace others.
func read(name, file string, in io.Reader) ([]token.Key, error) {
	if name == "new" {
		if _, err := os.Stat(file); err == nil {
			return nil, fmt.Errorf("%s is there already", file)
		}
		return nil, nil
	}
	if file != "-" {
		return token.ParseKeys(file)
	}
	text, err := io.ReadAll(io.LimitReader(in, 64<<10))
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	if len(text) == 0 {
		return nil, errors.New("no keys on standard input")
	}
	return token.ParseKeys(string(text))
}

// replace puts the whole file in place at once: a process that starts meanwhile reads the old keys or the new ones.
func replace(file string, text []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".keys-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	_, err = tmp.Write(text)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}
