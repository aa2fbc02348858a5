// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Observability
import Settings
import Yams

/// The section `telemetry` of the configuration file: where traces and metrics are sent.
///
/// ```yaml
/// telemetry:
///   endpoint: http://127.0.0.1:4318     # OTLP over HTTP; without it nothing is traced or sent
///   sample: 0.01                        # the part of traces that is kept, from 0 to 1
///   metrics-every: 30s
///   compression: none                   # or gzip
///   headers: {x-tenant: registry}       # secret ones: CAIRN_TELEMETRY_HEADERS, name=value with commas between
///   resource: {deployment.environment.name: prod}
/// ```
///
/// What the file says nothing of is taken from the variables that OpenTelemetry has for it.
struct TelemetrySettings: Sendable {
    static let section = "telemetry"
    static let headersVariable = "CAIRN_TELEMETRY_HEADERS"
    private static let endpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT"
    private static let resourceVariable = "OTEL_RESOURCE_ATTRIBUTES"
    private static let serviceVariable = "OTEL_SERVICE_NAME"
    private static let sampleVariable = "OTEL_TRACES_SAMPLER_ARG"
    private static let defaultSample = 0.01

    /// Without a slash at its end; nil where nothing is sent.
    private(set) var endpoint: String?
    private(set) var sample: Double?
    private(set) var metricsEvery: Int64 = 30
    private(set) var compresses = false
    private(set) var headers: [(String, Secret<String>)] = []
    private(set) var resource: [TelemetryResource.Attribute] = []

    init() {}

    init(_ node: Node) throws(SectionError) {
        let fields = try YAMLFields<SectionError>(
            node,
            "telemetry",
            keys: ["endpoint", "sample", "metrics-every", "compression", "headers", "resource"]
        )
        if let text = try fields.text("endpoint") {
            guard let endpoint = Self.endpoint(text) else { throw fields.error("endpoint", Self.endpointRule) }
            self.endpoint = endpoint
        }
        if let text = try fields.text("sample") {
            guard let sample = Self.rate(text) else { throw fields.error("sample", "is a number from 0 to 1") }
            self.sample = sample
        }
        if let seconds = try fields.seconds("metrics-every") {
            guard TelemetryLimits.metricsEvery.contains(seconds) else {
                throw fields.error("metrics-every", "is from 1s to 1h")
            }
            metricsEvery = seconds
        }
        switch try fields.text("compression") {
        case nil, "none": break
        case "gzip": compresses = true
        default: throw fields.error("compression", "is none or gzip")
        }
        for (name, value) in try Self.pairs(fields, "headers") {
            guard Self.isHeader(name, value) else {
                throw fields.error("headers", "names what cannot be set: '\(name)'")
            }
            headers.append((name, Secret(value)))
        }
        resource = try Self.pairs(fields, "resource").map { TelemetryResource.Attribute($0, $1) }
    }

    /// Takes from the environment what the file did not say, and the headers that are to be kept from files.
    ///
    /// - Throws: A `ConfigurationError` that names the variable.
    mutating func complete(_ environment: [String: String]) throws(ConfigurationError) {
        if endpoint == nil, let text = environment[Self.endpointVariable], !text.isEmpty {
            guard let endpoint = Self.endpoint(text) else {
                throw Self.error(Self.endpointVariable, Self.endpointRule)
            }
            self.endpoint = endpoint
        }
        if sample == nil, let text = environment[Self.sampleVariable], !text.isEmpty {
            guard let sample = Self.rate(text) else {
                throw Self.error(Self.sampleVariable, "is a number from 0 to 1")
            }
            self.sample = sample
        }
        if let text = environment[Self.headersVariable], !text.isEmpty {
            for (name, value) in try Self.list(text, Self.headersVariable) {
                guard Self.isHeader(name, value) else {
                    throw Self.error(Self.headersVariable, "names what cannot be set")
                }
                headers.removeAll { $0.0.lowercased() == name.lowercased() }
                headers.append((name, Secret(value)))
            }
        }
        if resource.isEmpty, let text = environment[Self.resourceVariable], !text.isEmpty {
            resource = try Self.list(text, Self.resourceVariable).map { TelemetryResource.Attribute($0, $1) }
        }
        if let name = environment[Self.serviceVariable], !name.isEmpty,
            !resource.contains(where: { $0.name == "service.name" })
        {
            guard name.utf8.count <= SettingsLimits.textBytesLimit else {
                throw Self.error(Self.serviceVariable, "has more than \(SettingsLimits.textBytesLimit) bytes")
            }
            resource.append(TelemetryResource.Attribute("service.name", name))
        }
    }

    var rate: Double { sample ?? Self.defaultSample }

    /// What the exporter is run with; nil where nothing is sent.
    var options: TelemetryExporter.Options? {
        endpoint.map { endpoint in
            TelemetryExporter.Options(
                endpoint: endpoint,
                headers: headers,
                metricsEvery: .seconds(metricsEvery),
                compresses: compresses
            )
        }
    }
}
