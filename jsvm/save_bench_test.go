package jsvm

import (
	"testing"

	"github.com/dop251/goja"

	"kont/jsvm/continuation"
)

const benchData = `({order: {id: 4711, customer: "ada", items: [{sku: "a1", qty: 2, price: 9.5}, {sku: "b2", qty: 1, price: 20}], total: 39}, tries: 3, tags: new Set(["x", "y"]), since: new Date(1e12)})`

func BenchmarkSaveData(b *testing.B) {
	h := newDataHeap(b)
	v, err := h.rt.RunString(benchData)
	if err != nil {
		b.Fatal(err)
	}
	var data []byte
	b.ReportAllocs()
	for b.Loop() {
		g, err := h.save(v.(*goja.Object), nil)
		if err != nil {
			b.Fatal(err)
		}
		data = g.Marshal(data[:0])
	}
	b.ReportMetric(float64(len(data)), "B/continuation")
}

func BenchmarkRestoreData(b *testing.B) {
	h := newDataHeap(b)
	v, err := h.rt.RunString(benchData)
	if err != nil {
		b.Fatal(err)
	}
	g, err := h.save(v.(*goja.Object), nil)
	if err != nil {
		b.Fatal(err)
	}
	data := g.Marshal(nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := h.graph.Unmarshal(data, nil, continuation.DefaultLimits); err != nil {
			b.Fatal(err)
		}
		if _, _, err := h.restore(&h.graph); err != nil {
			b.Fatal(err)
		}
	}
}
