// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Rules about which room of the house a thing belongs to.
extension Rule {
    /// Who may import whom of ours. nil: anything.
    static let allowedImports: [String: Set<String>?] = [
        "OCI": [],
        "Observability": ["CZlib"],
        "Cryptography": ["OCI", "COpenSSL"],
        "Content": ["OCI", "Cryptography", "CLinux"],
        "Catalog": ["OCI", "Releases"],
        "Releases": ["OCI"],
        "Settings": ["OCI"],
        "Transparency": ["OCI", "Cryptography"],
        "Trust": ["OCI", "Cryptography", "Settings"],
        "Retention": ["OCI", "Settings"],
        "Maintenance": ["OCI", "Content", "Catalog"],
        "Journal": ["OCI", "Cryptography", "Content", "Catalog", "Transparency"],
        "Replication": ["OCI", "Cryptography", "Catalog", "Journal", "Transparency"],
        "LayerArchive": ["CZlib", "CZstd"],
        "LayerScan": ["OCI", "Cryptography", "LayerArchive", "CZlib", "CSandbox"],
        "ImageDiff": ["OCI", "Cryptography", "LayerArchive"],
        "Registry": [
            "OCI", "Cryptography", "Content", "Catalog", "Journal", "LayerScan", "Releases", "Retention",
            "Transparency", "Trust",
        ],
        "RegistryClient": ["OCI", "Cryptography", "ImageDiff", "LayerArchive", "Releases", "Transparency", "Trust"],
        "Probing": ["OCI", "Cryptography", "RegistryClient", "Transparency"],
        "Access": ["OCI", "Cryptography", "CBcrypt", "Settings"],
        "HTTPAPI": [
            "OCI", "Access", "Content", "Journal", "Maintenance", "Registry", "Releases", "Replication",
            "Observability", "Transparency", "Trust", "WebUI", "Webhooks",
        ],
        "Webhooks": ["OCI", "Cryptography", "Catalog", "Observability"],
        "WebUI": [],
        "conformance": ["OCI", "Cryptography"],
        "cairn": nil,
    ]
    /// Libraries of the system that Swift sees by a module of ours.
    static let systemLibraries: Set<String> = ["CBcrypt", "COpenSSL", "CZlib", "CZstd", "CSandbox", "CLinux"]

    static let arrows = Rule(
        name: "targets import only what lies below them",
        bad: [
            Sample("Sources/OCI/A.swift", "import Catalog\n"),
            Sample("Sources/Observability/A.swift", "package import OCI\n"),
            Sample("Sources/HTTPAPI/B/A.swift", "internal import Catalog\n"),
            Sample("Sources/Catalog/A.swift", "import struct Content.BlobFile\n"),
            Sample("Sources/Registry/A.swift", "import COpenSSL\n"),
            Sample("Sources/Content/A.swift", "import Observability\n"),
            Sample("Sources/Unheard/A.swift", "let a = 1\n"), Sample("Sources/Registry/A.swift", "import HTTPAPI\n"),
            Sample("conformance/A.swift", "import Registry\n"),
        ],
        good: [
            Sample("Sources/Registry/A.swift", "package import Content\nimport NIOCore\n"),
            Sample("Sources/cairn/A.swift", "import Catalog\nimport HTTPAPI\n"),
            Sample("Sources/OCI/A.swift", "// import Catalog\nlet a = \"import Catalog\"\n"),
            Sample("Tests/OCITests/A.swift", "import Catalog\n"),
        ],
        check: { file in
            guard file.isSwift, let target = file.target else { return [] }
            guard let row = allowedImports[target] else {
                return [Finding(path: file.path, line: 1, message: "\(target) is not in the table of allowed imports")]
            }
            guard let allowed = row else { return [] }
            return file.imports.filter { module, _ in
                (allowedImports[module] != nil || systemLibraries.contains(module)) && !allowed.contains(module)
            }.map { Finding(path: file.path, line: $1, message: "\(target) must not know \($0)") }
        }
    )

    static let sqlOnlyInCatalog = Rule(
        name: "SQL is written in Catalog",
        bad: [
            Sample("Sources/Registry/A.swift", "let a = \"SELECT * FROM blob\"\n"),
            Sample("Sources/HTTPAPI/A.swift", "let a = \"\"\"\n    INSERT INTO tag VALUES (1)\n    \"\"\"\n"),
            Sample("Sources/cairn/A.swift", "run(#\"DELETE FROM blob\"#)\n"),
            Sample("Sources/Content/A.swift", "run(\"PRAGMA user_version\")\n"),
        ],
        good: [
            Sample("Sources/Catalog/A.swift", "let a = \"SELECT * FROM blob\"\n"),
            Sample("Sources/Registry/A.swift", "// SELECT nothing FROM here\nlet a = \"select a region\"\n"),
            Sample("Tests/CatalogTests/A.swift", "let a = \"SELECT 1\"\n"),
        ],
        check: { file in
            guard let target = file.target, target != "Catalog" else { return [] }
            let statements = [
                "SELECT ", "INSERT INTO ", "INSERT OR ", "DELETE FROM ", "CREATE TABLE ", "CREATE INDEX ", "PRAGMA ",
                "UPDATE OR ",
            ]
            return file.code.filter { token in
                token.kind == .string && statements.contains { token.text.firstRange(of: $0) != nil }
            }.map { Finding(path: file.path, line: $0.line, message: "SQL belongs to Catalog") }
        }
    )

    /// Files that may call the system, and what.
    static let systemCallers: [(prefix: String, calls: Set<String>?)] = [
        ("Sources/Content/Filesystem", nil),
        ("Sources/Access/OwnerOnlyFile.swift", nil),
        ("Sources/Content/DirectoryStream.swift", ["opendir", "readdir", "closedir"]),
        (
            "Sources/Observability/Metrics/ProcessMetrics.swift",
            ["open", "read", "close", "opendir", "readdir", "closedir"]
        ),
        ("Sources/Observability/Logs/LogWriter.swift", ["write"]),
        ("Sources/RegistryClient/LocalFile.swift", nil),
        ("Sources/RegistryClient/TerminalPrompt.swift", ["open", "read", "write", "close"]),
        ("Sources/LayerArchive/LayerSource.swift", ["read"]),
        ("Sources/LayerScan/LayerScanWorker.swift", ["write", "cairn_close_from"]),
        (
            "Sources/LayerScan/LayerScanProcess.swift",
            ["open", "read", "close", "cairn_pipe", "cairn_process_descriptor"]
        ),
        ("Sources/LayerScan/Sandbox.swift", nil),
    ]

    /// Names that mean the system's call wherever they stand without a dot before them.
    static let systemCalls: Set<String> = [
        "openat", "creat", "pread", "pwrite", "preadv", "pwritev", "readv", "writev", "rename", "renameat", "renameat2",
        "unlink", "unlinkat", "linkat", "symlink", "mkdir", "mkdirat", "rmdir", "fsync", "fdatasync", "syncfs",
        "ftruncate", "truncate", "fallocate", "posix_fallocate", "sync_file_range", "statvfs", "fstatvfs", "fstat",
        "lstat", "fstatat", "flock", "fcntl", "lseek", "mmap", "munmap", "sendfile", "copy_file_range", "opendir",
        "readdir", "closedir", "chmod", "fchmod", "fopen", "fclose", "fwrite", "fread", "mkstemp",
    ]
    /// Names that are also good Swift, and mean the system's call only where its module is imported.
    static let ambiguousCalls: Set<String> = [
        "open", "close", "read", "write", "link", "stat", "sync", "access", "remove",
    ]

    static let systemCallsOnlyInTheirPlace = Rule(
        name: "the file system is called through Filesystem",
        bad: [
            Sample("Sources/Content/ContentStore.swift", "unsafe rename(a, b)\n"),
            Sample("Sources/Registry/A.swift", "_ = fsync(descriptor)\n"),
            Sample("Sources/HTTPAPI/A.swift", "import Glibc\nlet a = open(path, O_RDONLY)\n"),
            Sample("Sources/HTTPAPI/A.swift", "import Foundation\nclose(descriptor)\n"),
            Sample("Sources/cairn/A.swift", "Glibc.write(1, a, 2)\n"),
            Sample("Sources/Observability/Logs/LogWriter.swift", "import Glibc\nunlink(path)\n"),
            Sample("Sources/Registry/A.swift", "import CLinux\ncairn_allocate(descriptor, 0, 1)\n"),
        ],
        good: [
            Sample("Sources/Content/Filesystem+Live.swift", "import Glibc\nunsafe rename(a, b)\n"),
            Sample("Sources/Content/ContentStore.swift", "import Glibc\nfilesystem.rename(a, b)\nself.open(digest)\n"),
            Sample("Sources/Content/A.swift", "func rename(_ a: Int) {}\nrename(from: a, as: b)\nopen()\nread(a)\n"),
            Sample("Sources/Catalog/A.swift", "import Foundation\nopen(\n    path: a)\n"),
            Sample("Sources/cairn/A.swift", "import Foundation\nread(a, b)\nfunc read(_ a: Int, _ b: Int) {}\n"),
            Sample("Sources/Content/A.swift", "import Glibc\nlet (a, close) = (b, c.close)\nclose(a)\n"),
            Sample("Tests/A/A.swift", "import Glibc\nunlink(path)\n"),
        ],
        check: { file in
            guard file.isSwift, file.target != nil, file.target != "conformance" else { return [] }
            let caller = systemCallers.first { file.path.hasPrefix($0.prefix) }
            if let caller, caller.calls == nil { return [] }
            let modules = Set(file.imports.map(\.module))
            let seesSystem = !modules.isDisjoint(with: ["Glibc", "CLinux", "Foundation"])
            return file.code.indices.compactMap { index in
                guard let call = file.systemCall(at: index, seesSystem: seesSystem) else { return nil }
                if caller?.calls?.contains(call) == true { return nil }
                let message = "\(call) belongs to Content/Filesystem, where faults can be injected"
                return Finding(path: file.path, line: file.code[index].line, message: message)
            }
        }
    )
}

extension SourceFile {
    /// The name of the call at a token, if it is one of the system's: C functions have arguments and no labels.
    fileprivate func systemCall(at index: Int, seesSystem: Bool) -> String? {
        let name = code[index].text
        guard code[index].kind == .word, index + 2 < code.count, code[index + 1].isMark("(") else { return nil }
        let isOurs = name.hasPrefix("cairn_")
        guard isOurs || Rule.systemCalls.contains(name) || Rule.ambiguousCalls.contains(name) else { return nil }
        if code[index + 2].isMark(")") { return nil }
        if code[index + 2].kind == .word, index + 3 < code.count, code[index + 3].isMark(":") { return nil }
        guard index > 0 else { return name }
        let before = code[index - 1]
        if before.isWord("func") { return nil }
        if before.isMark(".") { return index > 1 && code[index - 2].isWord("Glibc") ? name : nil }
        if Rule.systemCalls.contains(name) || isOurs { return name }
        return seesSystem && !declares(name) ? name : nil
    }

    /// Whether the file has a function or a constant of this name, which then is what a call means.
    private func declares(_ name: String) -> Bool {
        code.indices.contains { index in
            guard index + 1 < code.count, code[index].kind == .word else { return false }
            switch code[index].text {
            case "func": return code[index + 1].isWord(name)
            case "let", "var":
                return code[(index + 1)...].prefix { $0.line == code[index].line && !$0.isMark("=") && !$0.isMark(":") }
                    .contains { $0.isWord(name) }
            default: return false
            }
        }
    }
}
