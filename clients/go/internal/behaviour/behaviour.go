// Package behaviour reads clients/behaviour/cases.json, and compares answers with it. Only tests use it.
package behaviour

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	cqar "cqar.example/client"
	resolverv1 "cqar.example/client/gen/cqc/resolver/v1"
)

// Case is a request and its answer, or its error.
type Case struct {
	Name       string
	Ask        string
	At         string
	Venue      string
	Symbol     string
	AsOf       string `json:"as_of"`
	Keys       [][2]string
	Times      int
	Price      string
	Quantity   string
	Side       string
	From       string
	Kinds      []string
	Venues     []string
	Carry      string
	TimeoutS   int `json:"timeout_s"`
	Answer     map[string]any
	Error      *Failure
	CarryEpoch string `json:"carry_epoch"`
	// CarriedAtLeast is a revision that the client carries in the end; empty: it carries none; nil: not stated.
	CarriedAtLeast *string `json:"carried_at_least"`
}

// Failure is an error: one of its kinds, and if stated its reason and the fields that it names.
type Failure struct {
	Kind   []string
	Reason *string
	Fields []string
}

// Stack is what the tests ask.
type Stack struct {
	Servers         map[string]string
	Epoch, Revision uint64
	Table           []Case
}

// Read reads the file that CQAR_BEHAVIOUR names, and the table that it names.
func Read(t *testing.T) *Stack {
	var told struct {
		Cases, Epoch, Revision string
		Servers                map[string]string
	}
	var table struct{ Cases []Case }
	readJSON(t, os.Getenv("CQAR_BEHAVIOUR"), &told)
	readJSON(t, told.Cases, &table)
	stack := &Stack{Servers: told.Servers, Table: table.Cases}
	stack.Epoch, _ = strconv.ParseUint(told.Epoch, 10, 64)
	stack.Revision, _ = strconv.ParseUint(told.Revision, 10, 64)
	return stack
}

func readJSON(t *testing.T, file string, into any) {
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("CQAR_BEHAVIOUR, which `make test-clients` sets: %v", err)
	}
}

// RevisionOf is `head`, `head+N` or a number.
func (s *Stack) RevisionOf(text string) uint64 {
	after := strings.TrimPrefix(text, "head")
	number, _ := strconv.ParseUint(strings.TrimPrefix(after, "+"), 10, 64)
	if after != text {
		number += s.Revision
	}
	return number
}

// Server is what a case is asked of.
func (c Case) Server() string {
	if c.At == "" {
		return "resolver"
	}
	return c.At
}

// Compare fails the test where an answer or an error differs. An answer may have more than is expected.
func (c Case) Compare(t *testing.T, answer map[string]any, err error) {
	t.Helper()
	switch {
	case c.Error != nil && err == nil:
		t.Errorf("it was answered: %v", answer)
	case c.Error != nil:
		c.Error.compare(t, err)
	case err != nil:
		t.Error(err)
	default:
		compare(t, c.Answer, answer, "answer")
	}
}

func (f Failure) compare(t *testing.T, err error) {
	t.Helper()
	var found *cqar.Error
	if !errors.As(err, &found) {
		t.Fatalf("%T: %v", err, err)
	}
	if !strings.Contains(" "+strings.Join(f.Kind, " ")+" ", " "+string(found.Kind)+" ") {
		t.Errorf("%v, not %v", err, f.Kind)
	}
	if f.Reason != nil && *f.Reason != found.Reason {
		t.Errorf("reason %q, not %q", found.Reason, *f.Reason)
	}
	var fields []string
	for _, violation := range found.Violations {
		fields = append(fields, violation.Field+" "+violation.Reason)
	}
	if f.Fields != nil && !reflect.DeepEqual(f.Fields, fields) {
		t.Errorf("fields %q, not %q", fields, f.Fields)
	}
}

func compare(t *testing.T, expected, answered any, path string) {
	t.Helper()
	switch expected := expected.(type) {
	case map[string]any:
		found, isObject := answered.(map[string]any)
		if !isObject || found == nil {
			t.Errorf("%s: %v", path, answered)
			return
		}
		for key, value := range expected {
			compare(t, value, found[key], path+"."+key)
		}
	case []any:
		found, isList := answered.([]any)
		if !isList || len(found) < len(expected) || (len(expected) == 0 && len(found) > 0) {
			t.Errorf("%s: %v, not %v", path, answered, expected)
			return
		}
		for index, value := range expected {
			compare(t, value, found[index], fmt.Sprintf("%s[%d]", path, index))
		}
	default:
		if !reflect.DeepEqual(expected, answered) {
			t.Errorf("%s: %v, not %v", path, answered, expected)
		}
	}
}

// Resolution is a resolution in the table's words.
func Resolution(found *resolverv1.Resolution) map[string]any {
	listing, specs := found.GetVenueSymbol(), found.GetSpecs()
	answer := map[string]any{
		"status":        strings.TrimPrefix(found.GetStatus().String(), "RESOLUTION_STATUS_"),
		"reason":        found.GetNotFound().GetCode(),
		"venue_symbol":  listing.GetVenueSymbol(),
		"alias_of":      listing.GetAliasOf(),
		"market_status": strings.TrimPrefix(listing.GetStatus().String(), "MARKET_STATUS_"),
		"symbol":        found.GetSymbol().GetSymbol(),
		"base":          found.GetBaseAsset().GetSymbol(),
		"quote":         found.GetQuoteAsset().GetSymbol(),
		"specs": map[string]any{
			"source":       strings.TrimPrefix(specs.GetSource().String(), "SPECS_SOURCE_"),
			"tick_size":    specs.GetTickSize(),
			"lot_size":     specs.GetLotSize(),
			"min_notional": specs.GetMinNotional(),
			"order_unit":   strings.TrimPrefix(specs.GetOrderUnit().String(), "ORDER_UNIT_"),
		},
		"tradeable": nil,
		"projected": found.GetProjected(),
		"state":     State(found.GetFreshness()),
	}
	if verdict := found.GetTradeable(); verdict != nil {
		answer["tradeable"] = map[string]any{
			"allowed": verdict.GetAllowed(),
			"reasons": Codes(verdict.GetOpen().GetReasons()),
			"reduce":  verdict.GetReduce().GetAllowed(),
			"cancel":  verdict.GetCancel().GetAllowed(),
		}
	}
	return answer
}

// Codes are those of reasons.
func Codes(reasons []*resolverv1.Reason) []any {
	codes := []any{}
	for _, reason := range reasons {
		codes = append(codes, reason.GetCode())
	}
	return codes
}

// State is a freshness's, such as LIVE.
func State(freshness *resolverv1.Freshness) string {
	return strings.TrimPrefix(freshness.GetState().String(), "SNAPSHOT_STATE_")
}
