// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import LayerArchive
import LayerSamples
import LayerScan
import Testing

/// Real processes: one that scans, and ones that misbehave.
@Suite struct LayerScanProcessTests {
    /// The program that was built beside the test bundle.
    static var probe: String {
        let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let candidates = [tests.deletingLastPathComponent(), Bundle.main.bundleURL]
        let found = candidates.map { $0.appending(path: "LayerScanProbe").path }
        return found.first { FileManager.default.isExecutableFile(atPath: $0) } ?? found[0]
    }

    static func run(_ word: String, timeout: Duration = .seconds(60)) -> LayerScanResult {
        let layer = TemporaryFile(Array("layer".utf8))
        return LayerScanProcess(executable: probe, arguments: [word], timeout: timeout).run(path: layer.path)
    }

    @Test(arguments: Packing.allCases)
    func aWorkerFindsWhatIsThere(packing: Packing) {
        var tar = TarWriter()
        for (index, sample) in Sample.all(21).enumerated() {
            tar.add("\(index)/\(sample.path)", Array(sample.text.utf8))
        }
        let bytes = packing.pack(tar.ended)
        let layer = TemporaryFile(bytes)
        let result = LayerScanProcess(executable: Self.probe, arguments: []).run(path: layer.path)
        #expect(result.unscanned == nil)
        #expect(result == LayerScan.run(.bytes(bytes)))
        #expect(result.findings.map(\.kind) == Sample.all(21).map(\.kind))
    }

    /// The largest window that is taken fits in the worker's memory.
    @Test func aWorkerReadsTheLargestWindow() {
        var tar = TarWriter()
        tar.add("key", Array(Sample.all(1)[0].text.utf8))
        let layer = TemporaryFile(Packing.zstd(tar.ended, windowLog: 27))
        let result = LayerScanProcess(executable: Self.probe, arguments: []).run(path: layer.path)
        #expect(result.unscanned == nil && result.findings.count == 1)
    }

    @Test func aWorkerLabelsDamage() {
        var tar = TarWriter()
        tar.add("key", Array(Sample.all(1)[0].text.utf8))
        let layer = TemporaryFile(Array(Packing.gzip(tar.ended).dropLast(9)))
        let result = LayerScanProcess(executable: Self.probe, arguments: []).run(path: layer.path)
        #expect(result.unscanned == .truncated)
    }

    /// That the calls themselves would succeed is what the next test shows of one.
    @Test(arguments: ["open", "create", "socket", "exec", "thread", "kill", "unlink", "code", "recode"])
    func theSandboxKillsWhoTries(word: String) {
        #expect(Self.run(word).unscanned == .forbidden)
    }

    @Test func outsideTheSandboxAFileOpens() {
        #expect(Self.run("outside").unscanned == .badAnswer)
    }

    @Test func memoryAndProcessorTimeAreBounded() {
        #expect(Self.run("memory").unscanned == .crashed)
        let clock = ContinuousClock()
        var result = LayerScanResult()
        let time = clock.measure { result = Self.run("processor", timeout: .seconds(120)) }
        #expect(result.unscanned == .timeout)
        #expect(time < .seconds(110), "by its own limit of a second, not by the timeout")
    }

    @Test(arguments: ["hang", "close"])
    func whoIsNotDoneInTimeIsKilled(word: String) {
        let clock = ContinuousClock()
        var result = LayerScanResult()
        let time = clock.measure { result = Self.run(word, timeout: .milliseconds(300)) }
        #expect(result.unscanned == .timeout)
        #expect(time < .seconds(20))
    }

    @Test func otherEndsAreNoScan() {
        #expect(Self.run("status").unscanned == .crashed)
        #expect(Self.run("flood").unscanned == .badAnswer)
        #expect(Self.run("nothing").unscanned == .badAnswer)
    }

    @Test func whatCannotBeStartedIsNoScan() {
        let layer = TemporaryFile([])
        let absent = LayerScanProcess(executable: "/nonexistent/cairn", arguments: [])
        #expect(absent.run(path: layer.path).unscanned == .notStarted)
        let present = LayerScanProcess(executable: Self.probe, arguments: [])
        #expect(present.run(path: layer.path + "-not").unscanned == .missing)
        #expect(present.run(path: "/proc/self/exe").unscanned == .unreadable, "links are not followed")
    }
}
