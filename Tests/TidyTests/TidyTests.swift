// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Testing

/// The rules of the house, over every file of the checkout.
struct TidyTests {
    @Test(arguments: Rule.all)
    func isKept(_ rule: Rule) {
        let findings = Checkout.files.flatMap(rule.check)
        if !findings.isEmpty { Issue.record("\(findings.map(\.description).joined(separator: "\n"))") }
    }

    @Test(arguments: Rule.all)
    func rejectsItsBadSamples(_ rule: Rule) {
        for sample in rule.bad {
            let found = rule.check(SourceFile(path: sample.path, text: sample.text))
            #expect(!found.isEmpty, "\(sample.path) should be rejected: \(sample.text.prefix(200))")
        }
        #expect(!rule.bad.isEmpty)
    }

    @Test(arguments: Rule.all)
    func acceptsItsGoodSamples(_ rule: Rule) {
        for sample in rule.good {
            let found = rule.check(SourceFile(path: sample.path, text: sample.text))
            #expect(found.isEmpty, "\(sample.text.prefix(200))")
        }
        #expect(!rule.good.isEmpty)
    }

    /// A rule that looks at no file keeps quiet for ever.
    @Test func seesTheCheckout() {
        #expect(Checkout.swift.contains { "Tests/TidyTests/TidyTests.swift" == $0.path })
        #expect(Checkout.swift.contains { $0.path.hasPrefix("Sources/Observability/") })
        #expect(Checkout.files.contains { $0.path == "Package.swift" })
    }

    @Test func noResolvedVersionsAreTracked() {
        // Versions are chosen by the manifest's ranges; where there is no repository, nothing is tracked.
        #expect(Checkout.tracked("Package.resolved") ?? [] == [])
    }

    @Test func knowsWhatIsTracked() {
        guard let files = Checkout.tracked("Package.swift"), !files.isEmpty else { return }
        #expect(files.contains("Package.swift"))
    }
}
