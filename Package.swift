// swift-tools-version:6.2
// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// For the targets that call C: every use of an unsafe construct is marked where it stands.
let strictWithC = strict + [.strictMemorySafety()]

/// Tests are not optimized, in release builds either: they compile faster, and Swift 6.3 crashes over some of them
/// otherwise.
let testing = strict + [.unsafeFlags(["-Onone"])]

let nio = "swift-nio"

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let metricsTestKit = Target.Dependency.product(name: "MetricsTestKit", package: "swift-metrics")
let nioCore = Target.Dependency.product(name: "NIOCore", package: nio)
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: nio)
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: nio)
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")
let sockets = [nioCore, nioHTTP1, nioPosix]
let logged = [logging, metrics]

let package = Package(
    name: "cairn",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "cairn", targets: ["cairn"]),
        .executable(name: "conformance", targets: ["conformance"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        .systemLibrary(name: "CBcrypt", providers: [.apt(["libcrypt-dev"])]),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CSandbox"),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "OCI", swiftSettings: strict),
        .target(name: "Releases", dependencies: ["OCI"], swiftSettings: strict),
        .target(name: "Cryptography", dependencies: ["COpenSSL", "OCI"], swiftSettings: strictWithC),
        .target(
            name: "Content",
            dependencies: ["CLinux", "Cryptography", "OCI", deque, nioCore, nioPosix, tracing] + logged,
            swiftSettings: strictWithC
        ),
        .target(
            name: "Catalog",
            dependencies: [
                "OCI", "Releases", grdb, .product(name: "GRDBSQLite", package: "GRDB.swift"), deque, tracing,
            ] + logged,
            swiftSettings: strict
        ),
        .target(name: "Transparency", dependencies: ["Cryptography", "OCI"], swiftSettings: strict),
        .target(name: "Settings", dependencies: ["OCI", yams], swiftSettings: strict),
        .target(name: "Trust", dependencies: ["Cryptography", "OCI", "Settings", yams], swiftSettings: strict),
        .target(name: "Retention", dependencies: ["OCI", "Settings", yams], swiftSettings: strict),
        .target(
            name: "Journal",
            dependencies: [
                "Catalog", "Content", "Cryptography", "OCI", "Transparency", deque, logging, metrics, lifecycle,
                tracing,
            ],
            swiftSettings: strictWithC
        ),
        .target(
            name: "Replication",
            dependencies: ["Catalog", "Cryptography", "Journal", "OCI", "Transparency", deque, tracing] + logged,
            swiftSettings: strict
        ),
        .target(
            name: "Webhooks",
            dependencies: ["Catalog", "Cryptography", "OCI", "Observability"] + logged,
            swiftSettings: strict
        ),
        .target(name: "LayerArchive", dependencies: ["CZlib", "CZstd"], swiftSettings: strictWithC),
        .target(
            name: "LayerScan",
            dependencies: ["CSandbox", "CZlib", "Cryptography", "LayerArchive", "OCI"],
            swiftSettings: strictWithC
        ),
        .target(name: "ImageDiff", dependencies: ["Cryptography", "LayerArchive", "OCI"], swiftSettings: strictWithC),
        .target(
            name: "RegistryClient",
            dependencies: [
                "Cryptography", "ImageDiff", "LayerArchive", "OCI", "Releases", "Transparency", "Trust",
                asyncHTTPClient, logging, nioSSL,
            ] + sockets,
            swiftSettings: strictWithC
        ),
        .target(
            name: "Probing",
            dependencies: ["Cryptography", "OCI", "RegistryClient", "Transparency"],
            swiftSettings: strictWithC
        ),
        .target(
            name: "Registry",
            dependencies: [
                "Catalog", "Content", "Cryptography", "Journal", "LayerScan", "OCI", "Releases", "Retention",
                "Transparency", "Trust", deque, nioCore,
            ] + logged,
            swiftSettings: strict
        ),
        .target(
            name: "Maintenance",
            dependencies: ["Catalog", "Content", "OCI", logging, metrics, lifecycle],
            swiftSettings: strict
        ),
        .target(
            name: "Observability",
            dependencies: [
                "CZlib", asyncHTTPClient, logging, .product(name: "CoreMetrics", package: "swift-metrics"), deque,
                lifecycle, nioCore, nioHTTP1, tracing,
            ],
            swiftSettings: strictWithC
        ),
        .target(
            name: "Access",
            dependencies: [
                "CBcrypt", "Cryptography", "OCI", "Settings", asyncHTTPClient,
                .product(name: "JWTKit", package: "jwt-kit"), logging, metrics, nioSSL, yams,
            ] + sockets,
            swiftSettings: strictWithC
        ),
        .target(
            name: "WebUI",
            dependencies: [.product(name: "Mustache", package: "swift-mustache")],
            swiftSettings: strict
        ),
        .target(
            name: "HTTPAPI",
            dependencies: [
                "Access", "Content", "Journal", "Maintenance", "OCI", "Observability", "Registry", "Releases",
                "Replication", "Transparency", "Trust", "WebUI", "Webhooks",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "HummingbirdCore", package: "hummingbird"), logging, metrics, nioCore, nioHTTP1,
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP2", package: "swift-nio-extras"), nioPosix, nioSSL,
                .product(name: "NIOTLS", package: nio), lifecycle, tracing,
            ],
            swiftSettings: strictWithC
        ),
        .executableTarget(
            name: "cairn",
            dependencies: [
                "Access", "Catalog", "Content", "Cryptography", "HTTPAPI", "ImageDiff", "Journal", "LayerScan",
                "Maintenance", "OCI", "Observability", "Probing", "Registry", "RegistryClient", "Releases", "Retention",
                "Settings", "Transparency", "Trust", "Webhooks", asyncHTTPClient, argumentParser,
                .product(name: "Crypto", package: "swift-crypto"), logging, metrics, lifecycle, tracing,
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "X509", package: "swift-certificates"), yams,
            ] + sockets,
            swiftSettings: strict
        ),
        .executableTarget(
            name: "conformance",
            dependencies: ["Cryptography", "OCI", argumentParser, asyncHTTPClient] + sockets,
            path: "conformance",
            exclude: ["results", "README.md"],
            swiftSettings: strict
        ),
        .testTarget(name: "OCITests", dependencies: ["OCI"], swiftSettings: testing),
        .testTarget(name: "CryptographyTests", dependencies: ["Cryptography", "CZlib", "OCI"], swiftSettings: testing),
        .testTarget(
            name: "ContentTests",
            dependencies: [
                "CLinux", "Content", "Cryptography", "OCI", logging, metrics, metricsTestKit, nioCore, nioPosix,
            ],
            swiftSettings: testing
        ),
        .testTarget(
            name: "CatalogTests",
            dependencies: [
                "Catalog", "OCI", "Observability", "Releases", grdb, logging, metrics, metricsTestKit, tracing,
            ],
            swiftSettings: testing
        ),
        .testTarget(
            name: "ObservabilityTests",
            dependencies: [
                "Observability", .product(name: "CoreMetrics", package: "swift-metrics"), lifecycle, tracing,
            ] + logged,
            swiftSettings: testing
        ),
        .testTarget(
            name: "TransparencyTests",
            dependencies: ["Cryptography", "OCI", "Transparency"],
            swiftSettings: testing
        ),
        .testTarget(name: "TrustTests", dependencies: ["Cryptography", "OCI", "Trust"], swiftSettings: testing),
        .executableTarget(
            name: "LayerScanProbe",
            dependencies: ["LayerScan"],
            path: "Tests/LayerScanProbe",
            swiftSettings: strict
        ),
        .target(
            name: "LayerSamples",
            dependencies: ["CZlib", "CZstd"],
            path: "Tests/LayerSamples",
            swiftSettings: testing
        ),
        .testTarget(
            name: "LayerScanTests",
            dependencies: [
                "CZlib", "Cryptography", "LayerArchive", "LayerSamples", "LayerScan", "LayerScanProbe", "OCI",
            ],
            swiftSettings: testing
        ),
        .testTarget(
            name: "ImageDiffTests",
            dependencies: ["Cryptography", "ImageDiff", "LayerArchive", "LayerSamples", "OCI"],
            swiftSettings: testing
        ),
        .testTarget(
            name: "RegistryClientTests",
            dependencies: [
                "Cryptography", "ImageDiff", "LayerArchive", "LayerSamples", "OCI", "RegistryClient", "Releases",
                "TestSupport", "Transparency", "Trust",
            ] + sockets,
            swiftSettings: testing
        ),
        .testTarget(
            name: "JournalTests",
            dependencies: [
                "Catalog", "Content", "Cryptography", "Journal", "OCI", "Observability", "TestSupport", "Transparency",
                grdb, logging, tracing,
            ],
            swiftSettings: testing
        ),
        .testTarget(
            name: "ReplicationTests",
            dependencies: [
                "Catalog", "Content", "Cryptography", "Journal", "OCI", "Replication", "TestSupport", "Transparency",
            ],
            swiftSettings: testing
        ),
        .testTarget(
            name: "RetentionTests",
            dependencies: ["OCI", "Retention", yams],
            swiftSettings: testing
        ),
        .testTarget(
            name: "MaintenanceTests",
            dependencies: [
                "Catalog", "Content", "Cryptography", "Maintenance", "OCI", "Registry", "TestSupport", grdb, logging,
                nioCore,
            ],
            swiftSettings: testing
        ),
        .executableTarget(
            name: "AvailabilityProbe",
            dependencies: ["OCI", "Observability"],
            path: "Tests/AvailabilityProbe",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "ReleaseFiguresProbe",
            dependencies: ["OCI", "Releases"],
            path: "Tests/ReleaseFiguresProbe",
            swiftSettings: strict
        ),
        .testTarget(
            name: "ProbingTests",
            dependencies: [
                "Catalog", "Cryptography", "OCI", "Probing", "RegistryClient", "TestSupport", "Transparency",
            ],
            swiftSettings: testing
        ),
        .testTarget(name: "ReleasesTests", dependencies: ["OCI", "Releases"], swiftSettings: testing),
        .testTarget(
            name: "WebhooksTests",
            dependencies: ["Catalog", "Cryptography", "OCI", "TestSupport", "Webhooks", logging],
            swiftSettings: testing
        ),
        .testTarget(name: "TidyTests", swiftSettings: testing),
        .testTarget(name: "WebUITests", dependencies: ["WebUI"], swiftSettings: testing),
        .target(
            name: "Simulation",
            dependencies: [
                "Catalog", "Content", "Cryptography", "Maintenance", "OCI", "Registry", grdb, logging, nioCore,
            ],
            path: "Tests/Simulation",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "CollectorModel",
            dependencies: ["Simulation", argumentParser],
            path: "Tests/CollectorModel",
            swiftSettings: strict
        ),
        .testTarget(
            name: "SimulationTests",
            dependencies: ["Content", "Simulation"],
            swiftSettings: testing
        ),
        .target(
            name: "TestSupport",
            dependencies: [
                "Access", "Catalog", "Content", "Cryptography", "HTTPAPI", "OCI", "Observability", "Registry",
                "Transparency", asyncHTTPClient, grdb, logging, lifecycle,
            ] + sockets,
            path: "Tests/TestSupport",
            swiftSettings: testing
        ),
        .testTarget(
            name: "AccessTests",
            dependencies: [
                "Access", "Cryptography", "OCI", "TestSupport", .product(name: "JWTKit", package: "jwt-kit"),
                nioCore, nioPosix, yams,
            ],
            swiftSettings: testing
        ),
        .testTarget(
            name: "RegistryTests",
            dependencies: [
                "Catalog", "Content", "OCI", "Registry", "Releases", "Retention", "TestSupport", grdb, metrics,
                metricsTestKit, nioCore, yams,
            ],
            swiftSettings: testing
        ),
        .testTarget(
            name: "HTTPAPITests",
            dependencies: [
                "HTTPAPI", "OCI", "TestSupport", .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "HummingbirdCore", package: "hummingbird"), nioCore,
                .product(name: "NIOEmbedded", package: nio), nioHTTP1, nioSSL,
                .product(name: "X509", package: "swift-certificates"),
            ],
            swiftSettings: testing
        ),
        .testTarget(
            name: "CairnTests",
            dependencies: ["cairn", "OCI", "TestSupport", asyncHTTPClient] + sockets,
            swiftSettings: testing
        ),
    ]
)
