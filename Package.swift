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
let sockets: [Target.Dependency] = [
    .product(name: "NIOCore", package: nio), .product(name: "NIOHTTP1", package: nio),
    .product(name: "NIOPosix", package: nio),
]

let logged: [Target.Dependency] = [
    .product(name: "Logging", package: "swift-log"), .product(name: "Metrics", package: "swift-metrics"),
]

let yaml: [Target.Dependency] = [.product(name: "Yams", package: "Yams")]

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
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
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
        .target(name: "Cryptography", dependencies: ["COpenSSL", "OCI"], swiftSettings: strictWithC),
        .target(
            name: "Content",
            dependencies: [
                "CLinux", "Cryptography", "OCI",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "NIOCore", package: nio),
                .product(name: "NIOPosix", package: nio),
            ] + logged,
            swiftSettings: strictWithC
        ),
        .target(
            name: "Catalog",
            dependencies: [
                "OCI",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
                .product(name: "DequeModule", package: "swift-collections"),
            ] + logged,
            swiftSettings: strict
        ),
        .target(name: "Transparency", dependencies: ["Cryptography", "OCI"], swiftSettings: strict),
        .target(name: "Settings", dependencies: ["OCI"] + yaml, swiftSettings: strict),
        .target(name: "Trust", dependencies: ["Cryptography", "OCI", "Settings"] + yaml, swiftSettings: strict),
        .target(name: "Retention", dependencies: ["OCI", "Settings"] + yaml, swiftSettings: strict),
        .target(
            name: "Journal",
            dependencies: [
                "Catalog", "Content", "Cryptography", "OCI", "Transparency",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strictWithC
        ),
        .target(
            name: "Replication",
            dependencies: [
                "Catalog", "Cryptography", "Journal", "OCI", "Transparency",
                .product(name: "DequeModule", package: "swift-collections"),
            ] + logged,
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
                "Cryptography", "ImageDiff", "LayerArchive", "OCI", "Transparency", "Trust",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ] + sockets,
            swiftSettings: strictWithC
        ),
        .target(
            name: "Registry",
            dependencies: [
                "Catalog", "Content", "Cryptography", "Journal", "LayerScan", "OCI", "Retention", "Transparency",
                "Trust",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "NIOCore", package: nio),
            ] + logged,
            swiftSettings: strict
        ),
        .target(
            name: "Maintenance",
            dependencies: [
                "Catalog", "Content", "OCI",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "Observability",
            dependencies: [
                .product(name: "Logging", package: "swift-log"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
            ],
            swiftSettings: strictWithC
        ),
        .target(
            name: "Access",
            dependencies: [
                "CBcrypt", "Cryptography", "OCI", "Settings",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Yams", package: "Yams"),
            ] + sockets,
            swiftSettings: strictWithC
        ),
        .target(
            name: "HTTPAPI",
            dependencies: [
                "Access", "Content", "Journal", "Maintenance", "OCI", "Observability", "Registry", "Replication",
                "Transparency", "Trust",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: nio),
                .product(name: "NIOHTTP1", package: nio),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP2", package: "swift-nio-extras"),
                .product(name: "NIOPosix", package: nio),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: nio),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strictWithC
        ),
        .executableTarget(
            name: "cairn",
            dependencies: [
                "Access", "Catalog", "Content", "Cryptography", "HTTPAPI", "ImageDiff", "Journal", "LayerScan",
                "Maintenance", "OCI", "Observability", "Registry", "RegistryClient", "Retention", "Settings",
                "Transparency", "Trust",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "Yams", package: "Yams"),
            ] + sockets,
            swiftSettings: strict
        ),
        .executableTarget(
            name: "conformance",
            dependencies: [
                "Cryptography", "OCI",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ] + sockets,
            path: "conformance",
            exclude: ["results", "README.md"],
            swiftSettings: strict
        ),
        .testTarget(name: "OCITests", dependencies: ["OCI"], swiftSettings: testing),
        .testTarget(name: "CryptographyTests", dependencies: ["Cryptography", "CZlib", "OCI"], swiftSettings: testing),
        .testTarget(
            name: "ContentTests",
            dependencies: [
                "CLinux", "Content", "Cryptography", "OCI",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "NIOCore", package: nio),
                .product(name: "NIOPosix", package: nio),
            ],
            swiftSettings: testing
        ),
        .testTarget(
            name: "CatalogTests",
            dependencies: [
                "Catalog", "OCI",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
            ],
            swiftSettings: testing
        ),
        .testTarget(
            name: "ObservabilityTests",
            dependencies: [
                "Observability",
                .product(name: "CoreMetrics", package: "swift-metrics"),
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
                "Cryptography", "ImageDiff", "LayerArchive", "LayerSamples", "OCI", "RegistryClient", "TestSupport",
                "Transparency", "Trust",
            ] + sockets,
            swiftSettings: testing
        ),
        .testTarget(
            name: "JournalTests",
            dependencies: [
                "Catalog", "Content", "Cryptography", "Journal", "OCI", "TestSupport", "Transparency",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
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
            dependencies: ["OCI", "Retention", .product(name: "Yams", package: "Yams")],
            swiftSettings: testing
        ),
        .testTarget(
            name: "MaintenanceTests",
            dependencies: [
                "Catalog", "Content", "Cryptography", "Maintenance", "OCI", "Registry", "TestSupport",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: nio),
            ],
            swiftSettings: testing
        ),
        .testTarget(name: "TidyTests", swiftSettings: testing),
        .target(
            name: "Simulation",
            dependencies: [
                "Catalog", "Content", "Cryptography", "Maintenance", "OCI", "Registry",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: nio),
            ],
            path: "Tests/Simulation",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "CollectorModel",
            dependencies: ["Simulation", .product(name: "ArgumentParser", package: "swift-argument-parser")],
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
                "Transparency",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "GRDB", package: "GRDB.swift"), .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ] + sockets,
            path: "Tests/TestSupport",
            swiftSettings: testing
        ),
        .testTarget(
            name: "AccessTests",
            dependencies: [
                "Access", "Cryptography", "OCI", "TestSupport",
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "NIOCore", package: nio), .product(name: "NIOPosix", package: nio),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: testing
        ),
        .testTarget(
            name: "RegistryTests",
            dependencies: [
                "Catalog", "Content", "OCI", "Registry", "Retention", "TestSupport",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "NIOCore", package: nio),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: testing
        ),
        .testTarget(
            name: "HTTPAPITests",
            dependencies: [
                "HTTPAPI", "OCI", "TestSupport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "NIOCore", package: nio),
                .product(name: "NIOEmbedded", package: nio), .product(name: "NIOHTTP1", package: nio),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            swiftSettings: testing
        ),
        .testTarget(
            name: "CairnTests",
            dependencies: [
                "cairn", "OCI", "TestSupport",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ] + sockets,
            swiftSettings: testing
        ),
    ]
)
