// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(10))) struct ConfigurationTests {
    /// The public key of the first test of RFC 8032, as a log's.
    private static let key = "us.example/log+cd26c299+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"

    /// `cairn serve` with a configuration that is refused: exit 2 and a message on standard error.
    private static func refusal(
        file: String? = nil,
        arguments: [String] = [],
        environment: [String: String] = [:]
    ) async throws -> String {
        let directory = try TemporaryDirectory()
        var arguments = ["serve"] + arguments
        if let file {
            try directory.write(Array(file.utf8), to: "cairn.yaml")
            arguments += ["--config", "cairn.yaml"]
        }
        let result = try await CairnProcess.run(arguments, environment: environment, directory: directory.path)
        #expect(result.status == 2)
        #expect(result.output.isEmpty)
        #expect(directory.files(in: "cairn-data").isEmpty, "nothing is made before the settings are known to be good")
        return result.errors
    }

    static let files: [(file: String, place: String, reason: String)] = [
        ("listen: 127.0.0.1:0\nlisten-on: x\n", "cairn.yaml:2:", "unknown setting 'listen-on'"),
        ("\n\n# comment\nLISTEN: x\n", "cairn.yaml:4:", "unknown setting 'LISTEN'"),
        ("root: data\nlisten: 127.0.0.1\n", "cairn.yaml:2:", "no port"),
        ("listen: ':5000'\n", "cairn.yaml:1:", "no host"),
        ("listen: 127.0.0.1:65536\n", "cairn.yaml:1:", "not a number from 0 to 65535"),
        ("listen: 127.0.0.1:-1\n", "cairn.yaml:1:", "not a number from 0 to 65535"),
        ("log-level: loud\n", "cairn.yaml:1:", "'loud' is not one of trace, debug, info"),
        ("log-format: xml\n", "cairn.yaml:1:", "'xml' is not one of auto, json, human"),
        ("collection:\n  grace: 0s\n", "cairn.yaml:2:", "'grace' of the collection is a span of time above 0"),
        ("collection:\n  pace: 1\n", "cairn.yaml:2:", "the collection has no 'pace'"),
        ("\ncollection:\n  links-per-second: 0\n", "cairn.yaml:3:", "is a whole number from 1 to 1000000"),
        ("access-log: maybe\n", "cairn.yaml:1:", "'maybe' is neither true nor false"),
        ("access-log: yes\n", "cairn.yaml:1:", "'yes' is neither true nor false"),
        ("drain-seconds: 0\n", "cairn.yaml:1:", "not a whole number from 1 to 3600"),
        ("drain-seconds: 1.5\n", "cairn.yaml:1:", "not a whole number"),
        ("maximum-blob-bytes: 5GiB\n", "cairn.yaml:1:", "not a whole number"),
        ("root: ''\n", "cairn.yaml:1:", "the path is empty"),
        ("root:\n  - a\n  - b\n", "cairn.yaml:1:", "takes one value"),
        ("log-level: info\nroot: {a: b}\n", "cairn.yaml:2:", "takes one value"),
        ("- root\n", "cairn.yaml:1:", "'setting: value'"),
        ("root: [\n", "cairn.yaml:", "not YAML"), ("root: a\nroot: b\n", "cairn.yaml", "root"),
        ("root: a\nlog-level: loud\nlisten-on: x\n", "cairn.yaml:2:", "'loud'"),
        ("listen: 0.0.0.0:0\n", "0.0.0.0:0", "--allow-anonymous"),
        ("tls-certificate: a.pem\n", "cairn serve:", "tls-certificate and tls-key go together"),
        ("tls-key: a.pem\n", "cairn serve:", "tls-certificate and tls-key go together"),
        ("tls-client-ca: a.pem\n", "cairn serve:", "tls-client-ca needs tls-certificate"),
        ("tls:\n  nothing: a.pem\n", "cairn.yaml:2:", "unknown setting 'tls-nothing'"),
        ("tls:\n  key: ''\n", "cairn.yaml:2:", "the path is empty"),
        ("tls: a.pem\n", "cairn.yaml:1:", "unknown setting 'tls'"),
        ("regions: us\n", "cairn.yaml:1:", "a list of at most 32 regions"),
        ("regions:\n  - {name: us, URL: x}\n", "cairn.yaml:2:", "a region has no 'URL'"),
        ("regions:\n  - {name: .., url: 'https://a'}\n", "cairn.yaml:2:", "does not begin with '.'"),
        ("regions:\n  - {name: a/b, url: 'https://a'}\n", "cairn.yaml:2:", "is no name"),
        ("regions:\n  - {name: us, url: 'ftp://a'}\n", "cairn.yaml:2:", "begins with https://"),
        ("regions:\n  - {name: us, url: 'https://a/b'}\n", "cairn.yaml:2:", "is https://host"),
        ("regions:\n  - {name: us, url: 'https://a', log-keys: [x]}\n", "cairn.yaml:2:", "one is no key of a log"),
        ("regions:\n  - {name: us, url: 'https://a', log-keys: []}\n", "cairn.yaml:2:", "is an empty list"),
        ("regions:\n  - {name: us, url: 'https://a'}\n", "cairn.yaml:2:", "names 1 to 4 keys"),
        (
            "regions:\n  - name: us\n    url: https://a\n    log-keys: [\(key)]\n    bandwidth: [5]\n", "cairn.yaml:5:",
            "is less than 1MiB"
        ),
        (
            "regions:\n  - name: us\n    url: https://a\n    log-keys: [\(key)]\n    bandwidth: [8-9 5MiB]\n",
            "cairn.yaml:5:", "is not two times of the day"
        ),
        ("telemetry: http://a\n", "cairn.yaml:1:", "telemetry is a mapping with the keys endpoint"),
        ("telemetry:\n  url: http://a\n", "cairn.yaml:2:", "telemetry has no 'url'"),
        ("telemetry:\n  endpoint: a:4317\n", "cairn.yaml:2:", "is a URL like"),
        ("telemetry:\n  endpoint: http://u:p@a\n", "cairn.yaml:2:", "is a URL like"),
        ("telemetry:\n  endpoint: http://a/v1/traces\n", "cairn.yaml:2:", "is a URL like"),
        ("telemetry:\n  sample: 2\n", "cairn.yaml:2:", "is a number from 0 to 1"),
        ("telemetry:\n  sample: nan\n", "cairn.yaml:2:", "is a number from 0 to 1"),
        ("telemetry:\n  metrics-every: 2h\n", "cairn.yaml:2:", "is from 1s to 1h"),
        ("telemetry:\n  compression: zip\n", "cairn.yaml:2:", "is none or gzip"),
        ("telemetry:\n  headers: {host: a}\n", "cairn.yaml:2:", "names what cannot be set: 'host'"),
        ("telemetry:\n  headers: {'a b': c}\n", "cairn.yaml:2:", "names what cannot be set"),
        ("telemetry:\n  resource: [a]\n", "cairn.yaml:2:", "is a mapping of at most 32"),
        ("metrics:\n  repository: [a]\n", "cairn.yaml:2:", "metrics has no 'repository'"),
        ("metrics:\n  repositories: [A]\n", "cairn.yaml:2:", "one is no repository's name"),
        ("metrics:\n  repositories: [a, a]\n", "cairn.yaml:2:", "names one twice"),
        ("metrics:\n  repositories: [other]\n", "cairn.yaml:2:", "cannot name 'other'"),
        ("metrics:\n  repositories: []\n", "cairn.yaml:2:", "is an empty list"),
        ("objectives: []\n", "cairn.yaml:1:", "is a list of 1 to 16 objectives"),
        ("objectives:\n  - {kind: durability}\n", "cairn.yaml:2:", "needs 'name'"),
        (
            "objectives:\n  - {name: a, kind: speed}\n", "cairn.yaml:2:",
            "is availability, latency, freshness or durability"
        ),
        ("objectives:\n  - {name: a, kind: availability}\n", "cairn.yaml:2:", "needs 'target', such as 99.9%"),
        (
            "objectives:\n  - {name: a, kind: availability, target: 100%}\n", "cairn.yaml:2:",
            "is from 50% to below 100%"
        ),
        ("objectives:\n  - {name: a, kind: availability, target: nan}\n", "cairn.yaml:2:", "is a part like 99.9%"),
        ("objectives:\n  - {name: a, kind: availability, target: 99%, window: 8h}\n", "cairn.yaml:2:", "is one of 5m"),
        (
            "objectives:\n  - {name: a, kind: availability, target: 99%, class: pull}\n", "cairn.yaml:2:",
            "says nothing of an objective of availability"
        ),
        (
            "objectives:\n  - {name: a, kind: availability, source: probe, limited: bad, target: 99%}\n",
            "cairn.yaml:2:", "of an objective of requests"
        ),
        (
            "objectives:\n  - {name: a, kind: durability}\n  - {name: a, kind: durability}\n", "cairn.yaml:3:",
            "is of another objective"
        ),
        (
            "objectives:\n  - {name: a, kind: latency, class: pulls, within: 1s, target: 99%}\n", "cairn.yaml:2:",
            "is one of"
        ),
        (
            "objectives:\n  - {name: a, kind: latency, class: pull, within: 2d, target: 99%}\n", "cairn.yaml:2:",
            "a day at most"
        ),
        (
            "objectives:\n  - {name: a, kind: freshness, within: 1500ms, target: 99%}\n", "cairn.yaml:2:",
            "is in whole seconds"
        ),
        ("probe:\n  every: 0s\n", "cairn.yaml:2:", "is a span of time above 0"),
        ("probe:\n  every: 61s\n", "cairn.yaml:2:", "is from 1s to 60s"),
        ("probe:\n  repository: A\n", "cairn.yaml:2:", "is the beginning of a repository"),
        ("probe:\n  ca-file: a.pem\n", "cairn.yaml:2:", "needs a 'url'"),
        ("probe:\n  pace: 1\n", "cairn.yaml:2:", "has no 'pace'"),
        (
            "probe:\n  targets: [{name: a, url: 'https://a'}, {name: a, url: 'https://b'}]\n", "cairn.yaml:2:",
            "is of two targets"
        ),
        (
            "objectives:\n  - {name: a, kind: availability, source: requests, limited: good, target: 99%}\n"
                + "  - {name: b, kind: availability, source: requests, limited: bad, target: 99%}\n",
            "cairn.yaml:3:", "another one says otherwise"
        ),
        ("upstreams: x\n", "cairn.yaml:1:", "a list of at most 32 registries"),
        ("upstreams:\n  - {name: docker.io}\n", "cairn.yaml:2:", "needs 'url'"),
        ("upstreams:\n  - {name: a/b, url: 'https://a'}\n", "cairn.yaml:2:", "the first component"),
        ("upstreams:\n  - {name: Docker, url: 'https://a'}\n", "cairn.yaml:2:", "the first component"),
        ("upstreams:\n  - {name: a, url: 'https://a', fresh: 5}\n", "cairn.yaml:2:", "is a span of time"),
        ("upstreams:\n  - {name: a, url: 'https://a', fresh: 0s}\n", "cairn.yaml:2:", "is a span of time"),
        ("upstreams:\n  - {name: a, url: 'https://a', repositories: []}\n", "cairn.yaml:2:", "is an empty list"),
        ("upstreams:\n  - {name: a, url: 'https://a', tags: x}\n", "cairn.yaml:2:", "an upstream has no 'tags'"),
        ("upstreams:\n  - {name: a, url: 'https://a', password-file: x}\n", "cairn.yaml:2:", "needs a 'username'"),
        (
            "upstreams:\n  - {name: a, url: 'https://a'}\n  - {name: a, url: 'https://b'}\n", "cairn.yaml:3:",
            "two upstreams"
        ),
        ("scrub: fast\n", "cairn.yaml:1:", "rate, every, enabled"),
        ("scrub:\n  pace: 1MiB\n", "cairn.yaml:2:", "has no 'pace'"),
        ("scrub:\n  rate: 20 MB\n", "cairn.yaml:2:", "a number of bytes above 0 like 500MiB"),
        ("scrub:\n  rate: 1000\n", "cairn.yaml:2:", "from 1KiB to 1TiB"),
        ("scrub:\n  rate: 1MiB\n  every: 30m\n", "cairn.yaml:3:", "at least 1h"),
        ("scrub:\n  enabled: no\n", "cairn.yaml:2:", "true or false"),
    ]

    @Test(arguments: files)
    func aBadFileIsRefusedWithItsLine(_ bad: (file: String, place: String, reason: String)) async throws {
        let errors = try await Self.refusal(file: bad.file)
        #expect(errors.hasPrefix("cairn serve: "))
        #expect(errors.contains(bad.place), "\(errors)")
        #expect(errors.contains(bad.reason), "\(errors)")
    }

    @Test func aFileThatIsNotThereIsRefused() async throws {
        let errors = try await Self.refusal(arguments: ["--config", "absent.yaml"])
        #expect(errors.contains("absent.yaml: the file cannot be read"))
    }

    @Test func aFileThatIsNoTextOrTooLargeIsRefused() async throws {
        let directory = try TemporaryDirectory()
        let large = Array(repeating: UInt8(ascii: "#"), count: 1024 * 1024 + 1)
        for (bytes, reason) in [([0xff, 0xfe, 0x00], "not UTF-8"), (large, "over 1048576 bytes")] as [([UInt8], String)]
        {
            try directory.write(bytes, to: "cairn.yaml")
            let result = try await CairnProcess.run(["serve", "--config", "cairn.yaml"], directory: directory.path)
            #expect(result.status == 2)
            #expect(result.errors.contains(reason), "\(result.errors)")
        }
    }

    @Test func aVariableDoesNotExcuseABadFile() async throws {
        let directory = try TemporaryDirectory()
        try directory.write(Array("drain-seconds: 0\n".utf8), to: "cairn.yaml")
        let result = try await CairnProcess.run(
            ["serve"],
            environment: ["CAIRN_CONFIG": "cairn.yaml", "CAIRN_DRAIN_SECONDS": "5"],
            directory: directory.path
        )
        #expect(result.status == 2)
        #expect(result.errors.contains("cairn.yaml:1:"))
    }

    /// The codes of a wrong command line are those of the argument parser: 64, as in sysexits.
    @Test(
        arguments: [
            (["serve", "--nonsense"], 64), (["serve", "extra"], 64), (["serve", "--listen"], 64), (["nonsense"], 64),
            (["fsck", "--nonsense"], 64), (["version", "extra"], 64), ([], 0), (["--help"], 0),
            (["serve", "--help"], 0),
        ] as [([String], Int32)]
    )
    func aWrongCommandLineIsToldByItsStatus(_ arguments: [String], _ status: Int32) async throws {
        let directory = try TemporaryDirectory()
        let result = try await CairnProcess.run(arguments, directory: directory.path)
        #expect(result.status == status)
        #expect(result.errors.isEmpty == (status == 0))
        #expect(result.output.isEmpty == (status != 0))
        #expect(directory.files(in: ".").isEmpty, "nothing is made")
    }

    /// The help names each setting of the file, so that the table there is whole.
    @Test func theHelpNamesEverySetting() async throws {
        let directory = try TemporaryDirectory()
        let help = try await CairnProcess.run(["serve", "--help"], directory: directory.path).output
        let refusal = try await Self.refusal(file: "nothing: x\n")
        let known = try #require(refusal.split(separator: "the settings are ").last?.split(separator: "\n").first)
        for name in known.split(separator: ", ") { #expect(help.contains(" \(name): "), "\(name)") }
        #expect(known.split(separator: ", ").count >= 9)
    }

    @Test(arguments: [
        ("CAIRN_LISTEN", "5000", "no port"), ("CAIRN_LOG_LEVEL", "", "is not one of"),
        ("CAIRN_DRAIN_SECONDS", "3601", "from 1 to 3600"), ("CAIRN_ACCESS_LOG", "1", "neither true nor false"),
        ("CAIRN_ROOT", "", "the path is empty"), ("CAIRN_MAXIMUM_BLOB_BYTES", "-1", "not a whole number"),
    ])
    func aBadVariableIsRefusedWithItsName(_ name: String, _ value: String, _ reason: String) async throws {
        let errors = try await Self.refusal(environment: [name: value])
        #expect(errors.contains("environment variable \(name)"), "\(errors)")
        #expect(errors.contains(reason), "\(errors)")
    }

    @Test(arguments: ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "registry.example:0", "127.0.0.1.example.org:0"])
    func everyoneIsLetInOnlyWhenThatIsSaid(_ address: String) async throws {
        #expect(try await Self.refusal(arguments: ["--listen", address]).contains("--allow-anonymous"))
        #expect(try await Self.refusal(environment: ["CAIRN_LISTEN": address]).contains("--allow-anonymous"))
    }

    @Test func aBadOptionIsRefusedAsOne() async throws {
        #expect(try await Self.refusal(arguments: ["--listen", "x"]).contains("command line: 'x' has no port"))
    }

    @Test func theVersionIsPrinted() async throws {
        let directory = try TemporaryDirectory()
        let command = try await CairnProcess.run(["version"], directory: directory.path)
        #expect(command.status == 0)
        #expect(command.output.hasPrefix("cairn "))
        #expect(command.output.dropFirst(6).first?.isNumber == true)
        let option = try await CairnProcess.run(["--version"], directory: directory.path)
        #expect(option.status == 0)
        #expect("cairn " + option.output == command.output)
    }
}
