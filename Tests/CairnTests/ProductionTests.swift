// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import Testing
import cairn

/// What the machine, the signer's directory and a running server say, as the checklist of production judges it.
struct ProductionTests {
    typealias State = ProductionFinding.State

    private static func state(_ check: ProductionCheck, _ findings: [ProductionFinding]) -> ProductionFinding.State? {
        let found = findings.filter { $0.check == check }
        return found.count == 1 ? found[0].state : nil
    }

    private static let machine = ProductionMachine(
        fileSystem: "ext4",
        totalBytes: 1 << 40,
        freeBytes: 1 << 39,
        openFiles: 1 << 20,
        clock: .synchronised(by: "systemd-timesyncd")
    )

    private static func machine(_ change: (inout ProductionMachine) -> Void) -> [ProductionFinding] {
        var machine = machine
        change(&machine)
        return machine.findings
    }

    @Test func aGoodMachineIsGood() {
        let findings = Self.machine.findings
        for check in [ProductionCheck.fileSystem, .freeSpace, .openFiles, .clock] {
            #expect(Self.state(check, findings) == .ok)
        }
        #expect(Self.state(.fsync, findings) == .manual)
    }

    static let kinds: [(kind: String?, state: State)] = [
        ("ext4", .ok), ("xfs", .ok), ("btrfs", .warning), (nil, .warning), ("tmpfs", .problem),
        ("overlay", .problem), ("nfs4", .problem),
    ]

    @Test(arguments: kinds) func fileSystemsAreToldApart(_ kind: String?, _ state: State) {
        #expect(Self.state(.fileSystem, Self.machine { $0.fileSystem = kind }) == state)
    }

    static let shares: [(percent: Int64, state: State)] = [
        (50, .ok), (25, .ok), (24, .warning), (10, .warning), (9, .problem), (0, .problem),
    ]

    @Test(arguments: shares) func roomIsNeeded(_ percent: Int64, _ state: State) {
        let findings = Self.machine { machine in
            machine.totalBytes = 100 << 30
            machine.freeBytes = percent << 30
        }
        #expect(Self.state(.freeSpace, findings) == state)
    }

    static let limits: [(limit: UInt64, state: State)] = [
        (65_536, .ok), (65_535, .warning), (4_096, .warning), (4_095, .problem),
    ]

    @Test(arguments: limits) func filesMayBeOpen(_ limit: UInt64, _ state: State) {
        #expect(Self.state(.openFiles, Self.machine { $0.openFiles = limit }) == state)
    }

    @Test func clocksAreKept() {
        let asked = Self.machine { $0.clock = .kept(by: "chronyd", ask: "chronyc tracking") }
        #expect(Self.state(.clock, asked) == .manual)
        #expect(Self.state(.clock, Self.machine { $0.clock = .unknown }) == .warning)
        #expect(Self.state(.freeSpace, Self.machine { $0.totalBytes = 0 }) == .warning)
    }

    @Test func mountsAreFound() {
        let table = MountTable(
            """
            overlay / overlay rw 0 0
            /dev/vdb /var/lib ext4 rw 0 0
            tmpfs /var/lib/cairn\\040two tmpfs rw 0 0
            /dev/vdc /var/lib/cairn ext4 rw 0 0
            /dev/vdd /var/lib/cairn xfs rw 0 0
            broken
            """
        )
        #expect(table.fileSystem(of: "/srv") == "overlay")
        #expect(table.fileSystem(of: "/var/lib") == "ext4")
        #expect(table.fileSystem(of: "/var/library") == "overlay")
        #expect(table.fileSystem(of: "/var/lib/cairn/data") == "xfs")
        #expect(table.fileSystem(of: "/var/lib/cairn two/data") == "tmpfs")
        #expect(MountTable("").fileSystem(of: "/") == nil)
    }

    private static func signer(_ change: (inout ProductionSigner) -> Void = { _ in }) -> [ProductionFinding] {
        var signer = ProductionSigner(
            directory: "/keys",
            isInsideData: false,
            permissions: 0o700,
            isOnVolumeOfData: false,
            isKeyEncrypted: true,
            hasPassphrase: true
        )
        change(&signer)
        return signer.findings
    }

    @Test func theSignerIsApartAndItsOwnersAlone() {
        #expect(Self.state(.signer, Self.signer()) == .ok)
        #expect(Self.state(.signer, Self.signer { $0.isInsideData = true }) == .problem)
        #expect(Self.state(.signer, Self.signer { $0.permissions = 0o750 }) == .problem)
        #expect(Self.state(.signer, Self.signer { $0.permissions = nil }) == .warning)
        #expect(Self.state(.signer, Self.signer { $0.isOnVolumeOfData = true }) == .warning)
        #expect(Self.state(.signer, Self.signer { $0.isOnVolumeOfData = nil }) == .warning)
        #expect(Self.state(.signerBackup, Self.signer()) == .manual)
    }

    static let keys: [(isEncrypted: Bool?, hasPassphrase: Bool, state: State)] = [
        (true, false, .ok), (false, true, .warning), (false, false, .warning), (nil, true, .ok),
        (nil, false, .warning),
    ]

    @Test(arguments: keys) func theKeyIsEncrypted(_ isEncrypted: Bool?, _ hasPassphrase: Bool, _ state: State) {
        let findings = Self.signer { signer in
            signer.isKeyEncrypted = isEncrypted
            signer.hasPassphrase = hasPassphrase
        }
        #expect(Self.state(.signerPassphrase, findings) == state)
    }

    private static let metrics = ProductionServer.Metrics(
        scrapes: 240,
        uptime: 3_600,
        openFiles: 65_536,
        logFindings: 0,
        auditFindings: 0
    )

    private static func server(_ change: (inout ProductionServer) -> Void = { _ in }) -> [ProductionFinding] {
        var server = ProductionServer(
            problems: [],
            regions: [.init(name: "us", state: "following", secondsBehind: 0)],
            damagedBlobs: 0,
            metrics: metrics
        )
        change(&server)
        return server.findings
    }

    private static let told: [ProductionCheck] = [.ready, .following, .lag, .damage, .metrics]

    @Test func aGoodServerIsGood() {
        for check in Self.told { #expect(Self.state(check, Self.server()) == .ok) }
    }

    @Test func aServerInTroubleIsNot() {
        #expect(Self.state(.ready, Self.server { $0.problems = ["storage_full"] }) == .problem)
        #expect(Self.state(.following, Self.server { $0.regions?[0].state = "failing" }) == .problem)
        #expect(Self.state(.following, Self.server { $0.regions = [] }) == .problem)
        #expect(Self.state(.lag, Self.server { $0.regions?[0].secondsBehind = 59 }) == .ok)
        #expect(Self.state(.lag, Self.server { $0.regions?[0].secondsBehind = 60 }) == .warning)
        #expect(Self.state(.lag, Self.server { $0.regions?[0].secondsBehind = 600 }) == .problem)
        #expect(Self.state(.damage, Self.server { $0.damagedBlobs = 1 }) == .problem)
        #expect(Self.state(.damage, Self.server { $0.metrics?.logFindings = 1 }) == .problem)
        #expect(Self.state(.damage, Self.server { $0.metrics?.auditFindings = 1 }) == .problem)
        #expect(Self.state(.damage, Self.server { $0.metrics = nil }) == .warning, "nobody has seen the log")
        #expect(Self.state(.damage, Self.server { $0.damagedBlobs = nil }) == .warning)
        let half = Self.server { server in
            server.metrics = nil
            server.damagedBlobs = 1
        }
        #expect(Self.state(.damage, half) == .problem)
        #expect(Self.state(.metrics, Self.server { $0.metrics?.scrapes = 11 }) == .warning)
        #expect(Self.state(.metrics, Self.server { $0.metrics?.scrapes = 12 }) == .ok)
    }

    @Test func aRegionThatIsRetiredCountsNot() {
        let findings = Self.server { server in
            server.regions?.append(.init(name: "former", state: "retired", secondsBehind: 9_999))
        }
        #expect(Self.state(.following, findings) == .ok && Self.state(.lag, findings) == .ok)
    }

    @Test func whatIsNotAnsweredIsNotOk() {
        let silent = ProductionServer(failure: "refused").findings
        #expect(Self.state(.ready, silent) == .problem)
        for check in [ProductionCheck.following, .lag, .damage, .metrics] {
            #expect(Self.state(check, silent) == .warning)
        }
        for check in Self.told { #expect(Self.state(check, ProductionServer.unasked) == .manual) }
    }

    @Test func watchingIsDeclared() {
        let bare = ProductionWatching.findings(sections: ["root"])
        let watched = ProductionWatching.findings(sections: ["objectives"])
        #expect(Self.state(.objectives, bare) == .warning && Self.state(.objectives, watched) == .ok)
        for check in [ProductionCheck.paging, .drill] { #expect(Self.state(check, watched) == .manual) }
    }

    @Test func samplesAreRead() {
        let samples = MetricSamples(
            """
            # HELP cairn_a words
            a_total{route="metrics",code="200"} 3
            a_total{route="metrics",code="401"} 2
            a_total{route="blob"} 7
            b 1.5e3
            broken
            """
        )
        #expect(samples.sum("a_total", with: "route=\"metrics\"") == 5)
        #expect(samples.sum("a_total", with: "route=\"metrics\"", "code=\"200\"") == 3)
        #expect(samples.sum("a_total") == 12)
        #expect(samples.sum("b") == 1_500)
        #expect(samples.sum("c") == nil && samples.sum("a") == nil)
    }

    /// A scraper that is not let in reads nothing.
    @Test func onlyMetricsThatWereReadCount() {
        let samples = MetricSamples(
            """
            cairn_http_requests_total{route="metrics",method="GET",code="401"} 240
            cairn_http_requests_total{route="metrics",method="GET",code="200"} 2
            process_start_time_seconds 996400.25
            process_max_fds 65536
            """
        )
        let metrics = ProductionServer.Metrics(samples, now: 1_000_000)
        #expect(metrics.scrapes == 2 && metrics.uptime == 3_600 && metrics.openFiles == 65_536)
        #expect(Self.state(.metrics, Self.server { $0.metrics = metrics }) == .warning)
    }

    @Test(arguments: ["NaN", "+Inf", "-Inf", "1e19", "-1e19", "1e300"])
    func whatIsNoCountStopsNobody(number: String) {
        let names = [
            #"cairn_http_requests_total{route="metrics",code="200"}"#, "process_start_time_seconds", "process_max_fds",
            "cairn_log_scrub_findings_total", "cairn_gc_audit_findings",
        ]
        let samples = MetricSamples(names.map { "\($0) \(number)" }.joined(separator: "\n"))
        let metrics = ProductionServer.Metrics(samples, now: 1_700_000_000)
        #expect(metrics.uptime >= 0)
        #expect(Self.state(.metrics, Self.server { $0.metrics = metrics }) != nil)
    }

    /// The folder docs/ of the checkout.
    private static let documents = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "docs")

    @Test func theDocumentHasTheSameLines() throws {
        let text = try String(contentsOf: Self.documents.appending(path: "production.md"), encoding: .utf8)
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| `") && $0.contains("](") }
        let wanted = ProductionCheck.allCases.map { check in
            let file = check.document.prefix { $0 != "#" }
            let target = check.document.replacing("production.md#", with: "#")
            return "| `\(check.rawValue)` | \(check.demand) | [\(file)](\(target)) |"
        }
        #expect(rows.map(String.init) == wanted)
    }

    @Test(arguments: ProductionCheck.allCases) func whatIsLinkedIsThere(_ check: ProductionCheck) throws {
        let parts = check.document.split(separator: "#")
        let text = try String(contentsOf: Self.documents.appending(path: String(parts[0])), encoding: .utf8)
        guard parts.count > 1 else { return }
        let anchors = text.split(separator: "\n").filter { $0.hasPrefix("#") }.map { line in
            line.drop { $0 == "#" || $0 == " " }.lowercased().filter {
                $0.isLetter || $0.isNumber || $0 == " " || $0 == "-"
            }
            .replacing(" ", with: "-")
        }
        #expect(anchors.contains(String(parts[1])))
    }
}
