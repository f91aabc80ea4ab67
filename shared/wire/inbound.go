package wire

import (
	"github.com/barrage-live/barrage/shared/live"
)

// ParseInbound reads and checks one message of a client: bounded in size, valid UTF-8, right types. Unknown fields, and
// those that the server overwrites, are ignored; of a repeated field the last one counts. The error is a *live.Error of
// code bad_message or too_long; what could be read of the message, its ID above all, is returned beside it.
func ParseInbound(frame []byte) (Inbound, error) {
	if len(frame) > MaxInbound {
		return Inbound{}, live.Errorf(live.KindInvalid, CodeTooLong, "a message has at most %d bytes", MaxInbound)
	}
	in, err := decodeInbound(frame)
	if err != nil {
		return Inbound{ID: in.ID}, err
	}
	return in.Check()
}

func decodeInbound(frame []byte) (Inbound, error) {
	var in Inbound
	s := scanner{b: frame}
	bad := "" // the field that is wrong, when it is not the syntax
	err := s.object(func(key []byte) error {
		err := s.inboundField(&in, key)
		if err == errType {
			bad = string(key)
		}
		return err
	})
	if err == nil {
		err = s.end()
	}
	if len(in.ID) > MaxID || !validID(in.ID) {
		in.ID = "" // nothing that the client could match an error with
		if err == nil {
			return in, badMessage("id is up to 64 of A–Z a–z 0–9 . _ : -")
		}
	}
	switch {
	case err == nil:
		return in, nil
	case bad != "" && len(bad) <= MaxID:
		return in, badMessage("wrong type of field " + bad)
	case err == errType:
		return in, badMessage("a message is a JSON object")
	default:
		return in, badMessage(err.Error())
	}
}

func (s *scanner) inboundField(in *Inbound, name []byte) error {
	switch string(name) {
	case "type":
		return s.strInto((*string)(&in.Type))
	case "id":
		return s.strInto(&in.ID)
	case "content":
		return s.strInto(&in.Content)
	case "data":
		if null, err := s.null(); null {
			return err
		}
		return s.object(func(key []byte) error { return s.dataField(in, key) })
	default:
		return s.skip(1)
	}
}

func (s *scanner) dataField(in *Inbound, name []byte) error {
	switch string(name) {
	case "color":
		return s.strInto(&in.Danmu.Color)
	case "mode":
		return s.strInto(&in.Danmu.Mode)
	case "size":
		return s.strInto(&in.Danmu.Size)
	case "token":
		return s.strInto(&in.Token)
	case "count": // of likes or gifts; Check keeps the one that the type uses
		if null, err := s.null(); null {
			return err
		}
		n, err := s.integer()
		if n < 1 || n > maxNumber>>32 {
			n = -1 // 0 means absent, and a big one must not wrap where int has 32 bits
		}
		in.LikeCount, in.GiftCount = int(n), int(n)
		return err
	case "gift_id":
		n, err := s.intOr(0)
		in.GiftID = live.GiftID(n)
		return err
	default:
		return s.skip(2)
	}
}

// strInto reads a string; null is the same as an absent field.
func (s *scanner) strInto(dst *string) error {
	if null, err := s.null(); null {
		return err
	}
	v, err := s.str()
	if err == nil {
		*dst = v
	}
	return err
}

func (s *scanner) intOr(absent int64) (int64, error) {
	if null, err := s.null(); null {
		return absent, err
	}
	return s.integer()
}
