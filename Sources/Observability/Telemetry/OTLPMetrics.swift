// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Metrics as the body of `POST /v1/metrics` (OTLP 1.x, ExportMetricsServiceRequest as JSON), by the names that
/// `/metrics` has: cumulative sums, gauges, and histograms with explicit bounds.
package struct OTLPMetrics {
    /// Nanoseconds since 1970: when the process began to count.
    let start: UInt64
    /// As of when the values are.
    let now: UInt64

    package init(start: UInt64, now: UInt64) {
        self.start = start
        self.now = now
    }

    package func body(_ registry: PrometheusRegistry, of resource: TelemetryResource) -> [UInt8] {
        let families = registry.snapshot()
        var json = OTLPJSON()
        json.object { json in
            json.key("resourceMetrics")
            json.array(CollectionOfOne(resource)) { json, resource in
                json.object { json in
                    resource.append(to: &json)
                    json.key("scopeMetrics")
                    json.array(CollectionOfOne(families)) { json, families in
                        json.object { json in
                            resource.appendScope(to: &json)
                            json.key("metrics")
                            json.array(families) { append($1, to: &$0) }
                        }
                    }
                }
            }
        }
        return json.bytes
    }

    private func append(_ snapshot: PrometheusRegistry.FamilySnapshot, to json: inout OTLPJSON) {
        let family = snapshot.family
        json.object { json in
            json.key("name")
            json.string(family.name)
            if !family.help.isEmpty {
                json.key("description")
                json.string(family.help)
            }
            if let unit = family.unit {
                json.key("unit")
                json.string(["seconds": "s", "bytes": "By", "ratio": "1"][unit] ?? unit)
            }
            switch family.kind {
            case .counter: json.key("sum")
            case .gauge: json.key("gauge")
            case .histogram: json.key("histogram")
            }
            json.object { json in
                if family.kind != .gauge {
                    json.key("aggregationTemporality")
                    // Cumulative.
                    json.number(2)
                }
                if family.kind == .counter {
                    json.key("isMonotonic")
                    json.flag(true)
                }
                json.key("dataPoints")
                json.array(snapshot.samples) { json, sample in
                    json.object { append(sample.labels, sample.reading, of: family.kind, to: &$0) }
                }
            }
        }
    }

    private func append(
        _ labels: Labels,
        _ reading: PrometheusRegistry.Reading,
        of kind: MetricFamily.Kind,
        to json: inout OTLPJSON
    ) {
        if !labels.pairs.isEmpty {
            json.key("attributes")
            json.array(labels.pairs) { json, pair in
                json.object { json in
                    json.key("key")
                    json.string(pair.name)
                    json.key("value")
                    json.object { json in
                        json.key("stringValue")
                        json.string(pair.value)
                    }
                }
            }
        }
        if kind != .gauge {
            json.key("startTimeUnixNano")
            json.integer(start)
        }
        json.key("timeUnixNano")
        json.integer(now)
        switch reading {
        case .value(let value, let exemplar):
            append(value, to: &json)
            append([exemplar], to: &json)
        case .histogram(let histogram): append(histogram, to: &json)
        }
    }

    private func append(_ value: SampleValue, to json: inout OTLPJSON) {
        switch value {
        case .integer(let integer):
            json.key("asInt")
            json.integer(Int64(clamping: integer))
        case .double(let double):
            json.key("asDouble")
            json.double(double)
        }
    }

    private func append(_ histogram: HistogramSeries.Snapshot, to json: inout OTLPJSON) {
        json.key("count")
        json.integer(histogram.cumulative.last ?? 0)
        json.key("sum")
        json.double(histogram.sum)
        json.key("bucketCounts")
        var before: UInt64 = 0
        json.array(histogram.cumulative) { json, count in
            json.integer(count - before)
            before = count
        }
        json.key("explicitBounds")
        json.array(histogram.bounds) { $0.double($1) }
        append(histogram.exemplars, to: &json)
    }

    private func append(_ exemplars: [Exemplar?], to json: inout OTLPJSON) {
        let exemplars = exemplars.compactMap { $0 }
        guard !exemplars.isEmpty else { return }
        json.key("exemplars")
        json.array(exemplars) { json, exemplar in
            json.object { json in
                json.key("timeUnixNano")
                json.integer(exemplar.nanoseconds)
                json.key("asDouble")
                json.double(exemplar.value)
                json.key("traceId")
                json.string(exemplar.trace.traceID.description)
                json.key("spanId")
                json.string(exemplar.trace.spanID.description)
            }
        }
    }
}
