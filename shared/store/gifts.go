package store

import (
	"context"
	"fmt"

	"gorm.io/gorm/clause"

	"github.com/barrage-live/barrage/shared/live"
)

// Gift is one kind of gift of the catalogue. Effect names the page's animation; empty: none. A gift that is not Active
// can't be bought any more.
type Gift struct {
	ID        live.GiftID `gorm:"primaryKey;autoIncrement:false"`
	Name      string
	Price     live.Coins
	Icon      string
	Effect    string
	Active    bool
	SortOrder int
}

// TableName is the catalogue's.
func (Gift) TableName() string { return "gifts" }

// Gifts returns the whole catalogue in its order, what can't be bought included.
func (s *Store) Gifts(ctx context.Context) ([]Gift, error) {
	var gifts []Gift
	if err := s.reader(ctx).Order("sort_order, id").Find(&gifts).Error; err != nil {
		return nil, fmt.Errorf("list gifts: %w", err)
	}
	return gifts, nil
}

// PutGift makes the gift or replaces it.
func (s *Store) PutGift(ctx context.Context, g Gift) error {
	if err := s.writer(ctx).Clauses(clause.OnConflict{UpdateAll: true}).Create(&g).Error; err != nil {
		return fmt.Errorf("put gift %d: %w", g.ID, err)
	}
	return nil
}
