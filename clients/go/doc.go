// Package cqar asks a resolver of CQAR, the crypto reference-data registry.
//
// A Client answers what a venue's spelling means, in which exact steps it trades, and whether an order may
// be sent. It never guesses: a spelling that means nothing is an error of the kind NotFound. No answer is
// older than one before it: the client carries the newest position that it has seen.
//
// Answers are the contract's messages (package cqar.example/client/gen/cqc/resolver/v1). Prices and sizes in
// them are text, because a float64 cannot hold them exactly; math/big reads them.
package cqar
