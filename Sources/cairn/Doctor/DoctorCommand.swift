// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import Foundation
import RegistryClient
import Yams

/// `cairn doctor`
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check a registry against what production asks for, line by line.",
        discussion: """
            Reads the configuration as the server would, looks at this machine, and with --registry asks a running \
            server. Each line is ok, warning, problem, or manual: what only a person can see. docs/production.md has \
            all lines. Nothing is changed.

            Exit status: 0 no problems; 1 problems; 2 or 64 the configuration or the arguments cannot be read.
            """
    )

    @Flag(help: "The checklist of production, which is the one there is.")
    var production = false

    @Option(help: "Configuration file (YAML) of the server (default: CAIRN_CONFIG).")
    var config: String?

    @Option(help: ArgumentHelp("A running server to ask.", valueName: "host[:port]"))
    var registry: String?

    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    @Option(help: "Form of the result on standard output.")
    var output = OutputForm.text

    func validate() throws {
        guard production else { throw ValidationError("say which checklist: --production") }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let file = config ?? environment["CAIRN_CONFIG"]
        let settings: Configuration
        do {
            settings = try Configuration.load(file: file, environment: environment)
        } catch {
            Console.error("cairn doctor: \(error)")
            throw ExitCode(2)
        }
        let server = try await running()
        var machine = MachineLook.machine(root: settings.root)
        if let limit = server?.metrics?.openFiles { machine.openFiles = limit }
        let report = ProductionReport(
            settings.productionFindings(now: ClientCommand.now) + machine.findings
                + ProductionSigner(of: settings).findings + (server?.findings ?? ProductionServer.unasked)
                + ProductionWatching.findings(sections: Self.sections(of: file))
        )
        Console.say(output == .json ? report.json : report.text)
        if report.hasProblems { throw ExitCode(1) }
    }

    private func running() async throws -> ProductionServer? {
        guard let registry else { return nil }
        do throws(ClientError) {
            return try await connection.withRegistry(registry) { registry in
                await ServerLook.server(at: registry, now: ClientCommand.now)
            }
        } catch {
            Console.error("cairn doctor: \(error.reason)")
            throw ExitCode(error.exitStatus)
        }
    }

    /// The names of the settings that the file has, those that are switched off aside; it was read once already.
    private static func sections(of file: String?) -> Set<String> {
        guard let text = file.flatMap({ MachineLook.text(of: $0) }), let node = try? Yams.compose(yaml: text) else {
            return []
        }
        let settings = node.mapping?.filter { $0.value["enabled"]?.scalar?.string != "false" } ?? []
        return Set(settings.compactMap { $0.key.scalar?.string })
    }
}
