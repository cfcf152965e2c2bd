// Watches what is at the venue `behaviour`, and prints the reason of each change until it has printed `until`.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	cqar "cqar.example/client"
)

func main() {
	client, err := cqar.Dial(os.Args[1], cqar.Options{})
	if err != nil {
		log.Fatal(err)
	}
	watch := client.Watch(context.Background(), cqar.WatchOptions{Venues: []string{"behaviour"}})
	for isFirst := true; ; isFirst = false {
		update, err := watch.Next()
		if err != nil {
			log.Fatal(err)
		}
		if isFirst {
			fmt.Println("begun")
		}
		if changes := update.GetChangeSet(); changes != nil {
			fmt.Println(changes.GetReason())
			if changes.GetReason() == os.Args[2] {
				return
			}
		}
	}
}
