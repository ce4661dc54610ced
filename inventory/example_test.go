package inventory_test

import (
	"fmt"
	"strings"

	"github.com/tmdoctor/tmdoctor/inventory"
)

func ExampleInventory_Select() {
	loader := inventory.Loader{Stdin: strings.NewReader("flink@tm[001-004] db1")}
	inv, err := loader.Load([]string{"-"})
	if err != nil {
		fmt.Println(err, inventory.Hint(err))
		return
	}
	hosts, err := inv.Select([]string{"tm*", "!tm002"})
	fmt.Println(hosts, err)
	_, err = inv.Select([]string{"tm01"})
	fmt.Println(err)
	fmt.Println(inventory.Hint(err))
	// Output:
	// [flink@tm001 flink@tm003 flink@tm004] <nil>
	// no host matches "tm01"
	// did you mean "tm001"?
}

func ExampleFold() {
	fmt.Println(inventory.Fold([]string{"tm003", "tm004", "tm005", "tm022"}))
	// Output: tm[003-005,022]
}
