// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import LayerArchive
import LayerSamples
import LayerScan
import Testing

/// Secrets of every kind, planted in layers.
@Suite struct PlantedSecretTests {
    /// Ordinary lines, none of which is a secret.
    static func filler(_ count: Int) -> [UInt8] {
        let lines = [
            "import os, sys  # see https://docs.python.org/3/library/os.html\n", "password = getpass()\n",
            "    return hashlib.sha256(data).hexdigest()\n", "export PATH=/usr/local/bin:$PATH\n",
            "The quick brown fox: jumps over the lazy dog, and the machine hums.\n",
        ]
        var bytes: [UInt8] = []
        var random = Seeded(7)
        while bytes.count < count { bytes += lines[Int(random.next() % UInt64(lines.count))].utf8 }
        bytes.removeLast(bytes.count - count)
        bytes[bytes.count - 1] = 0x0A
        return bytes
    }

    @Test func everyKindHasASample() {
        let kinds = Set(Sample.all(1).map(\.kind))
        #expect(SecretKind.allCases.filter { !kinds.contains($0) } == [])
        #expect(SecretKind.allCases.count >= 25)
    }

    @Test(arguments: Packing.allCases, [1, 2, 3] as [UInt64])
    func everyKindIsFoundInALayer(packing: Packing, seed: UInt64) {
        let samples = Sample.all(seed)
        var tar = TarWriter()
        for (index, sample) in samples.enumerated() {
            // At different places, so that the pieces that are expanded end within some of them.
            let before = Self.filler(100 + index * 977 % 9_000)
            tar.add("\(index)/\(sample.path)", before + sample.text.utf8 + Self.filler(300))
        }
        let result = LayerScan.run(.bytes(packing.pack(tar.ended)))
        #expect(result.unscanned == nil)
        #expect(result.files == samples.count)
        let found = Dictionary(grouping: result.findings) { Int($0.path.prefix { $0 != "/" }) ?? -1 }
        for (index, sample) in samples.enumerated() {
            #expect(found[index]?.map(\.kind) == [sample.kind], "\(sample.kind): \(sample.text)")
            let before = Self.filler(100 + index * 977 % 9_000)
            let first = before.count { $0 == 0x0A } + 1
            guard case .line(let line)? = found[index]?.first?.position else { continue }
            #expect(first...(first + 4) ~= line, "\(sample.kind)")
        }
        for sample in samples {
            let text = String(decoding: result.encoded(), as: UTF8.self)
            #expect(!text.contains(sample.text.suffix(24).dropLast(4)), "the report holds part of \(sample.kind)")
        }
    }

    /// A file that is longer than the window, with a secret over the place where the window moves on.
    @Test(arguments: Sample.all(11))
    func everyKindIsFoundAcrossPieces(sample: Sample) {
        let secret = Array(sample.text.utf8)
        let border = 20 << 10
        for before in [border - 8_192 - secret.count / 2, border - secret.count / 2, border - 8_192 - 3] {
            let file = Self.filler(before) + secret + Self.filler(20_000)
            var scanner = SecretScanner(windowBytes: border)
            scanner.beginFile(path: Array(sample.path.utf8))
            scanner.append(file[..<border])
            scanner.append(file[border...])
            scanner.endFile()
            #expect(scanner.findings.map(\.kind) == [sample.kind])
        }
    }

    @Test func findingsDoNotDependOnPieces() {
        var file = Self.filler(5_000)
        for sample in Sample.all(5) { file += Array(sample.text.utf8) + Self.filler(600) }
        file += Self.filler(20_000)
        for sample in Sample.all(6) { file += Array(sample.text.utf8) + Self.filler(600) }
        func findings(_ size: Int) -> [SecretFinding] {
            var scanner = SecretScanner(windowBytes: 9_000)
            scanner.beginFile(path: Array("app/.env".utf8))
            for start in stride(from: 0, to: file.count, by: size) {
                scanner.append(file[start..<min(start + size, file.count)])
            }
            scanner.endFile()
            return scanner.findings
        }
        let whole = findings(file.count)
        #expect(whole.count >= 2 * Sample.all(5).count)
        for size in [97, 1_024, 4_096, 65_537] { #expect(findings(size) == whole) }
    }

    /// Strings of a program stand next to one another, between zeros.
    @Test func secretsInBinariesAreFound() {
        var random = Seeded(3)
        let token = Sample.github("ghp_", &random)
        let content = [0x7F, 0x45, 0x4C, 0x46, 0] + random.bytes(5_000) + Array("usage: \(token)more text".utf8) + [0]
        var tar = TarWriter()
        tar.add("bin/tool", content)
        let result = LayerScan.run(.bytes(tar.ended))
        #expect(result.findings.map(\.kind) == [.githubToken])
        #expect(result.findings.first?.position == .offset(Int64(5_005 + 7)))
    }

    @Test func aLayerThatIsNoArchiveIsOneFile() {
        let text = "{\"config\":{\"Env\":[\"PATH=/bin\",\"URL=https://bot:Zx9vQ2mLr7@git.acme.io/a\"]}}"
        let result = LayerScan.run(.bytes(Array(text.utf8)))
        #expect(result.unscanned == nil && result.files == 1)
        #expect(result.findings.map(\.kind) == [.urlPassword])
        #expect(result.findings.first?.path == "")
    }

    /// Of one stretch of text the finding that says more is kept.
    @Test func aTokenInAURLIsThatToken() {
        var random = Seeded(9)
        var scanner = SecretScanner()
        scanner.beginFile(path: [])
        let token = Sample.github("ghp_", &random)
        scanner.append(Array("git clone https://bot:\(token)@github.com/a/b\n".utf8)[...])
        scanner.endFile()
        #expect(scanner.findings.map(\.kind) == [.githubToken])
    }

    @Test func onlyTheBeginningOfLargeFilesIsRead() {
        var limits = LayerScanLimits()
        limits.fileBytes = 4_096
        let sample = Array(Sample.all(2)[0].text.utf8)
        var tar = TarWriter()
        tar.add("near", Self.filler(1_000) + sample)
        tar.add("far", Self.filler(5_000) + sample)
        let result = LayerScan.run(.bytes(tar.ended), limits: limits)
        #expect(result.findings.map(\.path) == ["near"])
        #expect(result.files == 2 && result.cutFiles == 1 && result.unscanned == nil)
    }

    @Test func findingsAreBounded() {
        var random = Seeded(4)
        var tar = TarWriter()
        tar.add("tokens", Array((0..<30).map { _ in Sample.github("ghp_", &random) + "\n" }.joined().utf8))
        var limits = LayerScanLimits()
        limits.findings = 20
        let result = LayerScan.run(.bytes(tar.ended), limits: limits)
        #expect(result.findings.count == 20 && result.isTruncated)
        limits.findings = 30
        #expect(!LayerScan.run(.bytes(tar.ended), limits: limits).isTruncated)
    }
}
