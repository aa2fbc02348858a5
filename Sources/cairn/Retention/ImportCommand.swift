// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import OCI
import Retention

/// `cairn retention import`
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Translate another registry's retention rules to the section 'retention' of the configuration.",
        discussion: """
            The section is printed, with a comment for each thing that is not quite the same here. Exit status: 0 \
            done; 1 something has no translation, and nothing is printed; 2 or 64 the file or an argument cannot be \
            read.
            """
    )

    @Option(name: .customLong("from"), help: "Whose rules the file has.")
    var source: RetentionImport.Source

    @Option(
        help: """
            NAME under which the repositories of the file are here: a project, or one repository; or ** for all. Only \
            rules of a whole registry, as of zot and acr, go without.
            """
    )
    var under: String?

    @Flag(
        help: """
            Leave out what has no translation, with a comment. Where a rule that keeps is left out, those that delete \
            become comments.
            """
    )
    var lenient = false

    @Argument(help: "FILE with the rules.")
    var file: String

    func run() throws {
        do {
            let isForAll = under == "**"
            let base = isForAll ? nil : try under.map { try RepositoryName(parsing: $0) }
            let text = try ClientCommand.text(of: file, limit: RetentionLimits.importBytesLimit)
            let translation = RetentionImport(from: source, under: base, isForAll: isForAll, isLenient: lenient)
            print(try translation.yaml(of: text), terminator: "")
        } catch let error as RetentionError where error.code == .untranslatable {
            Console.error("cairn retention import: there is no translation of:")
            for line in error.reason.split(separator: "\n") { Console.error("  \(line)") }
            Console.error("change the file, or leave these out with --lenient")
            throw ExitCode(1)
        } catch {
            Console.error("cairn retention import: \(error)")
            throw ExitCode(2)
        }
    }
}

extension RetentionImport.Source: ExpressibleByArgument {}
