package localreplica

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"regexp"
	"time"

	"github.com/bmatsuo/lmdb-go/lmdb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	cqar "cqar.example/client"
	assetsv1 "cqar.example/client/gen/cqc/assets/v1"
	marketsv1 "cqar.example/client/gen/cqc/markets/v1"
	resolverv1 "cqar.example/client/gen/cqc/resolver/v1"
	venuesv1 "cqar.example/client/gen/cqc/venues/v1"
)

const (
	keyBytesMax = 500
	digestAfter = 400
)

var slug = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$`)

// requireSpelling refuses what no venue or spelling can be, as a resolver does.
func requireSpelling(venue, symbol string) error {
	var violations []cqar.Violation
	if !slug.MatchString(venue) {
		text := "must be 1 to 64 lower-case letters, digits and inner hyphens, such as binance-usdm"
		violations = append(violations, cqar.Violation{Field: "venue_id", Reason: "NOT_A_SLUG", Message: text})
	}
	if symbol == "" {
		violations = append(violations, cqar.Violation{Field: "venue_symbol", Reason: "REQUIRED", Message: "is required"})
	}
	if violations == nil {
		return nil
	}
	text := fmt.Sprintf("%q at %q can be no spelling", symbol, venue)
	return &cqar.Error{Kind: cqar.InvalidRequest, Reason: "INVALID", Message: text, Violations: violations}
}

// reader reads at one revision.
type reader struct {
	txn *lmdb.Txn
	now now
	databases
}

// packed is a key as it is stored: of a long one, its beginning and its digest.
func packed(parts ...string) []byte {
	var whole []byte
	for number, part := range parts {
		if number > 0 {
			whole = append(whole, 0)
		}
		whole = append(whole, part...)
	}
	if len(whole) <= keyBytesMax {
		return whole
	}
	digest := sha256.Sum256(whole)
	return append(whole[:digestAfter:digestAfter], hex.EncodeToString(digest[:])...)
}

// entity reads an entity into a message; false: it does not exist.
func (r reader) entity(kind, key string, into proto.Message) (bool, error) {
	payload, err := r.txn.Get(r.entities, packed(kind, key))
	if lmdb.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, proto.Unmarshal(payload, into)
}

func (r reader) require(kind, key string, into proto.Message) error {
	exists, err := r.entity(kind, key, into)
	if err == nil && !exists {
		return fmt.Errorf("no %s %s, which another entity names", kind, key)
	}
	return err
}

// periods are all listings of a spelling.
func (r reader) periods(venue, symbol string) ([]*venuesv1.VenueSymbol, error) {
	keys, err := r.txn.Get(r.places, packed("venue_symbol.spelling", venue, symbol))
	if lmdb.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found []*venuesv1.VenueSymbol
	for _, key := range bytes.Split(keys, []byte{0}) {
		listing := &venuesv1.VenueSymbol{}
		if err := r.require("venue_symbol", string(key), listing); err != nil {
			return nil, err
		}
		found = append(found, listing)
	}
	return found, nil
}

func (r reader) resolve(venue, symbol string, at time.Time) (*resolverv1.Resolution, error) {
	listings, err := r.periods(venue, symbol)
	if err != nil {
		return nil, err
	}
	listing, status := current(listings, at)
	if listing == nil {
		return nil, r.missing(venue, symbol)
	}
	terms, err := r.termsOf(listing, at)
	if err != nil {
		return nil, err
	}
	listing = termsAt(listing, at)
	found := &resolverv1.Resolution{
		Status:          status,
		VenueSymbol:     listing,
		Symbol:          &marketsv1.Symbol{},
		BaseAsset:       &assetsv1.Asset{},
		QuoteAsset:      &assetsv1.Asset{},
		SettlementAsset: &assetsv1.Asset{},
	}
	if err := r.require("symbol", listing.GetSymbolId(), found.Symbol); err != nil {
		return nil, err
	}
	for into, id := range map[*assetsv1.Asset]string{
		found.BaseAsset:       found.Symbol.GetBaseAssetId(),
		found.QuoteAsset:      found.Symbol.GetQuoteAssetId(),
		found.SettlementAsset: found.Symbol.GetSettlementAssetId(),
	} {
		if err := r.require("asset", id, into); err != nil {
			return nil, err
		}
	}
	found.Specs = specsOf(terms, found.Symbol)
	setStatus(listing, terms, at)
	return found, nil
}

func (r reader) missing(venue, symbol string) error {
	exists, err := r.entity("venue", venue, &venuesv1.Venue{})
	if err != nil {
		return err
	}
	if !exists {
		return &cqar.Error{Kind: cqar.NotFound, Reason: "VENUE_NOT_FOUND", Message: fmt.Sprintf("no venue %q", venue)}
	}
	text := fmt.Sprintf("no venue symbol %q at %s", symbol, venue)
	return &cqar.Error{Kind: cqar.NotFound, Reason: "VENUE_SYMBOL_NOT_FOUND", Message: text}
}

// termsOf is the listing whose steps and status apply: itself, or what an alias stands for; nil: not known.
func (r reader) termsOf(listing *venuesv1.VenueSymbol, at time.Time) (*venuesv1.VenueSymbol, error) {
	terms := listing
	if alias := listing.GetAliasOf(); alias != "" {
		primaries, err := r.periods(listing.GetVenueId(), alias)
		if err != nil {
			return nil, err
		}
		var meant []*venuesv1.VenueSymbol
		for _, primary := range primaries {
			if primary.GetSymbolId() == listing.GetSymbolId() && primary.GetAliasOf() == "" {
				meant = append(meant, primary)
			}
		}
		terms, _ = current(meant, at)
	}
	return termsAt(terms, at), nil
}

// termsAt is a listing with the scheduled changes that an instant has reached, in their order.
func termsAt(listing *venuesv1.VenueSymbol, at time.Time) *venuesv1.VenueSymbol {
	var coming []*venuesv1.ScheduledChange
	var changed *venuesv1.VenueSymbol
	for _, change := range listing.GetScheduled() {
		if !reached(change.GetEffectiveAt(), at) {
			coming = append(coming, change)
			continue
		}
		if changed == nil {
			changed = proto.Clone(listing).(*venuesv1.VenueSymbol)
		}
		setTerm(changed, change.GetField(), change.GetValue())
		if since := changed.GetTermsSince(); since == nil || since.AsTime().Before(change.GetEffectiveAt().AsTime()) {
			changed.TermsSince = change.GetEffectiveAt()
		}
	}
	if changed == nil {
		return listing
	}
	changed.Scheduled = coming
	return changed
}

// setTerm sets a status by its name, or an exact decimal; one that a later release made is ignored.
func setTerm(listing *venuesv1.VenueSymbol, field, value string) {
	if field == "status" {
		if number, isKnown := venuesv1.MarketStatus_value["MARKET_STATUS_"+value]; isKnown {
			status := venuesv1.MarketStatus(number)
			listing.Status = &status
		}
		return
	}
	if listing.Exact == nil {
		listing.Exact = &venuesv1.VenueSymbolDecimals{}
	}
	exact := listing.Exact.ProtoReflect()
	if named := exact.Descriptor().Fields().ByName(protoreflect.Name(field)); named != nil {
		exact.Set(named, protoreflect.ValueOfString(value))
	}
}

// current is the listing that covers an instant, else the one that ended last, else the one that begins first.
func current(listings []*venuesv1.VenueSymbol, at time.Time) (*venuesv1.VenueSymbol, resolverv1.ResolutionStatus) {
	var ended, coming *venuesv1.VenueSymbol
	for _, listing := range listings {
		isEnded := listing.DelistedAt != nil && reached(listing.DelistedAt, at)
		isBegun := listing.ListedAt == nil || reached(listing.ListedAt, at)
		switch {
		case isBegun && !isEnded:
			return listing, resolverv1.ResolutionStatus_RESOLUTION_STATUS_FOUND
		case isEnded:
			if ended == nil || ended.DelistedAt.AsTime().Before(listing.DelistedAt.AsTime()) {
				ended = listing
			}
		case coming == nil || listing.ListedAt.AsTime().Before(coming.ListedAt.AsTime()):
			coming = listing
		}
	}
	if ended != nil {
		return ended, resolverv1.ResolutionStatus_RESOLUTION_STATUS_DELISTED
	}
	return coming, resolverv1.ResolutionStatus_RESOLUTION_STATUS_NOT_YET_LISTED
}

func reached(instant *timestamppb.Timestamp, at time.Time) bool {
	return !instant.AsTime().After(at)
}

// setStatus gives a listing the status of its terms: DELISTED if its period has ended, HALTED without terms.
func setStatus(listing, terms *venuesv1.VenueSymbol, at time.Time) {
	status := venuesv1.MarketStatus_MARKET_STATUS_HALTED
	if terms != nil {
		status = terms.GetStatus()
	}
	for _, period := range []*venuesv1.VenueSymbol{listing, terms} {
		if period.GetDelistedAt() != nil && reached(period.GetDelistedAt(), at) {
			status = venuesv1.MarketStatus_MARKET_STATUS_DELISTED
		}
	}
	listing.Status = &status
}

// specsOf has the venue's own steps only: those of the symbol are good for display, and not for orders.
func specsOf(terms *venuesv1.VenueSymbol, symbol *marketsv1.Symbol) *resolverv1.Specs {
	own := terms.GetExact()
	specs := &resolverv1.Specs{
		UnitMultiplier:         "1",
		ContractKind:           symbol.GetContractKind(),
		TickBands:              terms.GetTickBands(),
		PriceSignificantDigits: terms.GetPriceSignificantDigits(),
		OrderUnit:              terms.GetOrderUnit(),
		OrderTypes:             terms.GetOrderTypes(),
		TimeInForce:            terms.GetTimeInForce(),
		FundingIntervalS:       terms.GetFundingIntervalS(),
	}
	if symbol.GetSymbolType() == marketsv1.SymbolType_SYMBOL_TYPE_OPTION {
		specs.ContractKind = marketsv1.ContractKind_CONTRACT_KIND_LINEAR
	}
	into := specs.ProtoReflect()
	own.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if same := into.Descriptor().Fields().ByName(field.Name()); same != nil && value.String() != "" {
			into.Set(same, value)
		}
		return true
	})
	specs.MinNotional = greater(own.GetMinNotional(), own.GetMinOrderValue())
	specs.MaxNotional = own.GetMaxOrderValue()
	hasTicks := specs.TickSize != "" || len(specs.TickBands) > 0 || specs.PriceSignificantDigits > 0
	if hasTicks && specs.LotSize != "" {
		specs.Source = resolverv1.SpecsSource_SPECS_SOURCE_VENUE
	}
	return specs
}

func greater(one, other string) string {
	first, isFirst := new(big.Rat).SetString(one)
	second, isSecond := new(big.Rat).SetString(other)
	if !isFirst || (isSecond && first.Cmp(second) < 0) {
		return other
	}
	return one
}
