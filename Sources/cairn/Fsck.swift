// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import Catalog
import Content
import Foundation
import Logging
import Registry

/// `cairn fsck`: exit 0 when nothing is wrong, 1 when something is, 2 when the check could not be made.
struct Fsck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check the catalog against the blobs, while no server runs on them.",
        discussion: """
            Exits 0 when no problem was found, 1 when some were, 2 when the check could not be made. Nothing is \
            changed without --repair. Notices, such as files of pushes that were never acknowledged, are no problems.
            """
    )

    @Option(help: "Directory of all data (default: CAIRN_ROOT, else ./cairn-data).")
    var root: String?

    @Flag(help: "Also read and hash every blob.")
    var deep = false

    @Flag(help: "Move damaged blobs to quarantine/, so that the next push of each restores it.")
    var repair = false

    func run() async throws {
        let path = root ?? ProcessInfo.processInfo.environment[Setting.root.variable] ?? Configuration().root
        guard FileManager.default.fileExists(atPath: path + "/FORMAT") else {
            Console.error("cairn fsck: \(path) holds no registry (there is no FORMAT file in it)")
            throw ExitCode(2)
        }
        do {
            let store = try await Store.open(
                root: path,
                unsafeFilesystem: true,
                blobLimit: Configuration().maximumBlobBytes
            )
            let report = try await ConsistencyCheck(
                content: store.content,
                catalog: store.catalog,
                deep: deep,
                repair: repair
            ).run()
            await store.close()
            show(report)
            if !report.problems.isEmpty { throw ExitCode(1) }
        } catch let code as ExitCode {
            throw code
        } catch {
            Console.error("cairn fsck: \(error)")
            throw ExitCode(2)
        }
    }

    private func show(_ report: ConsistencyReport) {
        for problem in report.problems { print("problem: \(problem)") }
        for repair in report.repairs { print("repaired: \(repair)") }
        for notice in report.notices { print("notice: \(notice)") }
        let depth = deep ? "\(report.bytesChecked) bytes hashed" : "sizes compared"
        print(
            "\(report.blobsChecked) blobs (\(depth)), \(report.manifestsChecked) manifests: "
                + "\(report.problems.count) problems, \(report.notices.count) notices, \(report.repairs.count) repairs"
        )
    }
}
