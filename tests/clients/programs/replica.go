// Resolves binance BTCUSDT in a replica, once for each line that it reads, and prints what it finds.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"sync"
	"time"

	"cqar.example/client/localreplica"
)

func main() {
	replica, err := localreplica.Open(os.Args[1], 2*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	defer replica.Close()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		// Several at once: they share one environment, which may be opened anew meanwhile.
		var all sync.WaitGroup
		for number := 0; number < 8; number++ {
			all.Add(1)
			go func() {
				defer all.Done()
				_, _ = replica.Resolve("binance", "BTCUSDT")
			}()
		}
		all.Wait()
		found, err := replica.Resolve("binance", "BTCUSDT")
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(found.GetSymbol().GetSymbol(), found.GetSpecs().GetTickSize(), found.GetFreshness().GetState())
	}
}
