package localreplica_test

import (
	"testing"

	"cqar.example/client/internal/behaviour"
	"cqar.example/client/localreplica"
)

// TestBehaviour asks a published replica what it can be asked of clients/behaviour/cases.json: all but verdicts.
func TestBehaviour(t *testing.T) {
	stack := behaviour.Read(t)
	replica, err := localreplica.Open(stack.Servers["replica"], 0)
	if err != nil {
		t.Fatal(err)
	}
	defer replica.Close()
	for _, asked := range stack.Table {
		if asked.Ask != "resolve" || asked.At != "" || asked.AsOf != "" || asked.Carry != "" {
			continue
		}
		asked := asked
		t.Run(asked.Name, func(t *testing.T) {
			found, err := replica.Resolve(asked.Venue, asked.Symbol)
			delete(asked.Answer, "tradeable")
			asked.Compare(t, behaviour.Resolution(found), err)
		})
	}
}

func TestAFolderWithoutAReplicaIsNotReady(t *testing.T) {
	if _, err := localreplica.Open(t.TempDir(), 0); err == nil {
		t.Error("it was opened")
	}
}
