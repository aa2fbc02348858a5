// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Foundation
import Maintenance
import NIOSSL
import Retention
import Webhooks

/// The lines of the checklist that the settings decide.
extension Configuration {
    func productionFindings(now: Int64) -> [ProductionFinding] {
        [
            tlsFinding(now: now), accessFinding, anonymousFinding, secretFilesFinding, rateFinding, originFinding,
            cosignedFinding, regionsFinding, retentionFinding, undoFinding, collectionFinding, scrubFinding,
            proberFinding,
        ]
    }

    private func tlsFinding(now: Int64) -> ProductionFinding {
        let check = ProductionCheck.tls
        guard let tlsCertificate else {
            guard !listen.isLoopback else {
                return check.ok("listens on \(listen) alone: TLS is the business of the proxy before it")
            }
            return check.problem("\(listen) speaks no TLS", do: "set tls: {certificate: FILE, key: FILE}")
        }
        guard tlsKey != nil else {
            return check.problem("there is a certificate and no key", do: "set tls: {certificate: FILE, key: FILE}")
        }
        guard let end = Self.end(ofCertificate: tlsCertificate) else {
            return check.problem("\(tlsCertificate) has no certificate that can be read", do: "put a PEM file there")
        }
        let day = Date(timeIntervalSince1970: Double(end)).formatted(.iso8601.year().month().day())
        let found = "the certificate is good until \(day)"
        guard end > now else { return check.problem("the certificate ended on \(day)", do: "put a new one there") }
        guard end - now > ProductionLimits.certificateSeconds else {
            return check.warning(found, do: "renew it, and let something renew it by itself")
        }
        return check.ok(found)
    }

    /// When the first certificate of a file ends, in seconds since 1970.
    private static func end(ofCertificate file: String) -> Int64? {
        guard let bytes = MachineLook.bytes(of: file),
            let certificate = (try? NIOSSLCertificate.fromPEMBytes(bytes))?.first
        else { return nil }
        return Int64(certificate.notValidAfter)
    }

    private var accessFinding: ProductionFinding {
        guard let access else {
            return ProductionCheck.access.problem(
                "everyone who reaches the registry may do everything",
                do: "write an 'access' section with rules"
            )
        }
        guard access.rules.count > 0 else {
            return ProductionCheck.access.problem(
                "there are no rules: nobody but robots may do anything",
                do: "add rules to the 'access' section"
            )
        }
        return ProductionCheck.access.ok("\(access.rules.count) rules")
    }

    /// What nobody does who has not logged in.
    private static let changing: [Action] = [
        .push, .overwrite, .delete, .sign, .promote, .retain, .replicate, .admin,
    ]

    private var anonymousFinding: ProductionFinding {
        let check = ProductionCheck.anonymousPush
        let action = "give 'who' of the rule names, or \"authenticated\""
        guard let access else {
            return check.problem("everyone may push and delete", do: "write an 'access' section with rules")
        }
        for changing in Self.changing {
            guard let decision = access.rules.allowance(of: changing, to: .anonymous) else { continue }
            return check.problem("\(decision.reason), also to who has not logged in", do: action)
        }
        return check.ok("no rule lets anybody change anything who has not logged in")
    }

    private var secretFilesFinding: ProductionFinding {
        let check = ProductionCheck.secretFiles
        var files = [tlsKey].compactMap { $0 } + regions.flatMap(\.remote.secretFiles)
        files += upstreams.flatMap(\.remote.secretFiles) + probe.secretFiles + webhooks.compactMap(\.secretFile)
        if let access, let file {
            let access = AccessFiles.live(file: file).paths(access).filter { $0 != file }
            files += access.filter { FileManager.default.fileExists(atPath: $0) }
        }
        files = Set(files).sorted()
        for path in files {
            guard let permissions = MachineLook.permissions(path) else {
                return check.problem("\(path) is not there", do: "put it there, or correct the path")
            }
            guard permissions & 0o007 == 0 else {
                return check.problem(
                    "everyone on this machine may use \(path) (mode \(String(permissions, radix: 8)))",
                    do: "chmod 600 \(path), and take what is in it for known"
                )
            }
        }
        return check.ok(files.isEmpty ? "no files with secrets are named" : "\(files.count) files, none open to others")
    }

    private var rateFinding: ProductionFinding {
        let limits = access?.limits
        guard limits?.principalRate != nil || limits?.addressRate != nil else {
            return ProductionCheck.rateLimits.warning(
                "requests are not limited",
                do: "set limits: {requests-per-second: 500, address-requests-per-second: 1000} under 'access'"
            )
        }
        return ProductionCheck.rateLimits.ok("requests are limited")
    }

    private var originFinding: ProductionFinding {
        guard let logOrigin else {
            return ProductionCheck.logOrigin.problem(
                "the log has no name of its own, and cannot get one later",
                do: "set log-origin to the registry's URL without the scheme, before the first start"
            )
        }
        return ProductionCheck.logOrigin.ok("the log is \(logOrigin)")
    }

    private var cosignedFinding: ProductionFinding {
        let cosigning = regions.filter { $0.cosigner != nil }.map(\.name)
        let witnesses = log.witnesses.count
        guard witnesses > 0 || !cosigning.isEmpty else {
            return ProductionCheck.cosigned.warning(
                "nobody cosigns the log",
                do: "name witnesses under 'log', or the cosigner-key of a region"
            )
        }
        return ProductionCheck.cosigned.ok("\(witnesses) witnesses, \(cosigning.count) regions cosign the log")
    }

    private var regionsFinding: ProductionFinding {
        guard !regions.isEmpty else {
            return ProductionCheck.regions.problem(
                "there is this region alone: when it is lost, so are its images",
                do: "set up a second one, and add each to the other: cairn region add NAME URL --config FILE"
            )
        }
        let names = regions.map(\.name).joined(separator: ", ")
        return ProductionCheck.regions.ok("\(regions.count + 1) regions: this one, \(names)")
    }

    private var retentionFinding: ProductionFinding {
        let check = ProductionCheck.retention
        guard let retention, !retention.policies.isEmpty else {
            return check.warning(
                "nothing ever goes by itself",
                do: "write a 'retention' section, and read what 'cairn retention plan' says of it"
            )
        }
        let found = "\(retention.policies.count) policies"
        guard let schedule = retention.schedule else {
            return check.warning(
                "\(found), applied by hand alone: a dry run for as long as nobody does",
                do: "set schedule: {every: 24h} once you trust the plans"
            )
        }
        return check.ok("\(found), applied every \(schedule.every / 60) minutes")
    }

    private var undoFinding: ProductionFinding {
        let found = "what was deleted can be brought back for \(collection.undo) s"
        let action = "set collection: {undo: 7d}"
        if collection.undo < ProductionLimits.undoSeconds.problem {
            return ProductionCheck.undoWindow.problem(found, do: action)
        }
        return collection.undo < ProductionLimits.undoSeconds.warning
            ? ProductionCheck.undoWindow.warning(found, do: action) : ProductionCheck.undoWindow.ok(found)
    }

    private var collectionFinding: ProductionFinding {
        guard collection.options.isEnabled else {
            return ProductionCheck.collection.problem(
                "nothing is collected: the disk fills up",
                do: "take 'enabled: false' out of 'collection'"
            )
        }
        return ProductionCheck.collection.ok("what nothing refers to is collected")
    }

    private var scrubFinding: ProductionFinding {
        guard scrub.isEnabled else {
            return ProductionCheck.scrub.problem(
                "blobs are not read over: decay is found by clients",
                do: "take 'enabled: false' out of 'scrub'"
            )
        }
        return ProductionCheck.scrub.ok("all blobs are read within \(scrub.every / 86_400) days")
    }

    private var proberFinding: ProductionFinding {
        let check = ProductionCheck.prober
        guard probe.pushes, probe.isEnabled else {
            return check.warning(
                "no prober is configured",
                do: "write a 'probe' section, or run 'cairn probe HOST' where clients are"
            )
        }
        guard probe.own != nil || tlsCertificate == nil else {
            return check.warning(
                "this registry does not probe itself: with TLS it has to know its name",
                do: "set 'url' of 'probe' to where clients reach it"
            )
        }
        return check.ok("a prober is configured")
    }
}

/// The lines that sections of the file decide by being there, and those that are for people.
package enum ProductionWatching {
    package static func findings(sections: Set<String>) -> [ProductionFinding] {
        [
            sections.contains("objectives")
                ? ProductionCheck.objectives.ok("objectives are declared")
                : ProductionCheck.objectives.warning(
                    "no objectives are declared",
                    do: "write an 'objectives' section, then: cairn observability export --to DIR, for Prometheus"
                ),
            ProductionCheck.paging.manual(
                "who is paged cannot be seen from here",
                do: "send a page by hand, and see who answers and finds the runbook"
            ),
            ProductionCheck.drill.manual(
                "what was practised cannot be seen from here",
                do: "carry out region-lost and disaster-recovery on a copy, each quarter"
            ),
        ]
    }
}
