package main

import (
	"context"
	"fmt"
	"math"
	"os"

	"github.com/prometheus/client_golang/exp/api/remote"
	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"
)

const t0 = 1795600000000

func main() {
	st := writev2.NewSymbolTable()
	stale := math.Float64frombits(0x7ff0000000000002)
	req := &writev2.Request{}
	for at := 0; at < 200; at++ {
		refs := st.SymbolizeLabels([]string{"__name__", "orders_total", "instance", fmt.Sprintf("10.0.0.%d:8080", at), "job", "shop"}, nil)
		value := float64(at) * 1.5
		req.Timeseries = append(req.Timeseries, &writev2.TimeSeries{LabelsRefs: refs, Samples: []*writev2.Sample{{Value: value, Timestamp: t0 + int64(at%3)}},
			Metadata: &writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_COUNTER, HelpRef: st.Symbolize("Orders taken."), UnitRef: st.Symbolize("orders")}})
	}
	refs := st.SymbolizeLabels([]string{"__name__", "depth", "shop", "ü \"x\""}, nil)
	req.Timeseries = append(req.Timeseries, &writev2.TimeSeries{LabelsRefs: refs, Samples: []*writev2.Sample{{Value: math.Inf(1), Timestamp: t0}, {Value: stale, Timestamp: t0 + 1000}},
		Metadata: &writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_GAUGE}})
	refs = st.SymbolizeLabels([]string{"__name__", "took_seconds", "job", "shop"}, nil)
	req.Timeseries = append(req.Timeseries, &writev2.TimeSeries{LabelsRefs: refs, CreatedTimestamp: t0 - 5000, Histograms: []*writev2.Histogram{{
		Count: &writev2.Histogram_CountInt{CountInt: 8}, Sum: 18.4, Schema: 0, ZeroThreshold: 0.001, ZeroCount: &writev2.Histogram_ZeroCountInt{ZeroCountInt: 2},
		PositiveSpans: []*writev2.BucketSpan{{Offset: 0, Length: 2}, {Offset: 1, Length: 1}}, PositiveDeltas: []int64{1, 2, -1}, Timestamp: t0}},
		Metadata:  &writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_HISTOGRAM, UnitRef: st.Symbolize("seconds")},
		Exemplars: []*writev2.Exemplar{{Value: 1, Timestamp: t0}}})
	req.Symbols = st.Symbols()
	raw := make([]byte, req.SizeVT())
	if _, err := req.MarshalToSizedBufferVT(raw); err != nil {
		panic(err)
	}
	os.WriteFile("v2.bin", raw, 0o644)
	api, err := remote.NewAPI(os.Args[1])
	if err != nil {
		panic(err)
	}
	stats, err := api.Write(context.Background(), remote.WriteV2MessageType, req)
	fmt.Println(stats.Samples, stats.Histograms, stats.Exemplars, err)
}
