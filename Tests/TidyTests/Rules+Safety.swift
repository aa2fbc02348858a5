// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Rules about what may bring the process down, or make it wrong in silence.
extension Rule {
    static let noCrash = Rule(
        name: "outside tests nothing is forced",
        bad: [
            Sample("Sources/A/A.swift", "let a = try! b()\n"), Sample("Sources/A/A.swift", "let a = b as! C\n"),
            Sample("Sources/A/A.swift", "fatalError(\"no\")\n"), Sample("Sources/A/A.swift", "let a = b!\n"),
            Sample("Sources/A/A.swift", "a[0]!.b()\n"), Sample("Sources/A/A.swift", "f(a()!, b)\n"),
            Sample("conformance/A.swift", "let a = \"x\\(b!)y\"\n"), Sample("Sources/A/A.swift", "var a: Int!\n"),
            Sample("Sources/A/A.swift", "assertionFailure(\"no\")\n"),
        ],
        good: [
            Sample("Sources/A/A.swift", "if !a, a != b, !(c) { d(!e) } // try! f!\n"),
            Sample("Sources/A/A.swift", "let a = \"b! try! \" + #\"c! \"d\"!\"#\n"),
            Sample("Sources/A/A.swift", "precondition(a, \"why\")\n"), Sample("Tests/A/A.swift", "let a = try! b()!\n"),
            Sample("Sources/A/A.swift", "/* let a = b! /* c! */ d! */\nlet e = \"\"\"\n  f! \\(g)\n  \"\"\"\n"),
        ],
        check: { file in
            guard file.isSwift, !file.isTest else { return [] }
            return file.code.indices.compactMap { index in
                let token = file.code[index]
                let next = index + 1 < file.code.count ? file.code[index + 1] : nil
                if token.kind == .word, ["fatalError", "assertionFailure"].contains(token.text),
                    next?.isMark("(") == true
                {
                    return Finding(path: file.path, line: token.line, message: "\(token.text): return or throw instead")
                }
                guard token.isMark("!"), token.isGlued, index > 0 else { return nil }
                if let next, next.isMark("="), next.isGlued { return nil }
                let before = file.code[index - 1]
                guard before.kind != .mark || [")", "]", "}", "?", ">"].contains(before.text) else { return nil }
                let message = "\(before.text)! is forced: unwrap it, or throw"
                return Finding(path: file.path, line: token.line, message: message)
            }
        }
    )

    static let safetyComments = Rule(
        name: "what the compiler cannot check is argued for",
        bad: [
            Sample("Sources/A/A.swift", "final class A: @unchecked Sendable {}\n"),
            Sample("Sources/A/A.swift", "nonisolated(unsafe) var a = 1\n"),
            Sample("Sources/A/A.swift", "struct A {\n    let b: UnsafeMutablePointer<Int>\n}\n"),
            Sample("Sources/A/A.swift", "extension A {\n    static let b = OpaquePointer(c)\n}\n"),
            Sample("Sources/A/A.swift", "let a: UnsafeRawBufferPointer\n"),
            Sample("Sources/A/A.swift", "// Safety: far away.\n\n\n\n\nfinal class A: @unchecked Sendable {}\n"),
            Sample("Sources/A/A.swift", "final class A: @unchecked Sendable { let b = \"Safety:\" }\n"),
        ],
        good: [
            Sample("Sources/A/A.swift", "// Safety: one owner.\nfinal class A: @unchecked Sendable {}\n"),
            Sample(
                "Sources/A/A.swift",
                "/// A.\n/// Safety: b\n/// c\n/// d\n/// e\n/// f\nstruct A: @unchecked Sendable {}\n"
            ),
            Sample("Sources/A/A.swift", "// Safety: c.\n@safe\nstruct A {\n    let b: UnsafePointer<Int>\n}\n"),
            Sample(
                "Sources/A/A.swift",
                "struct A: @unchecked Sendable {\n    // Safety: d.\n    let b: OpaquePointer\n}\n"
            ),
            Sample("Sources/A/A.swift", "func a(_ b: UnsafePointer<Int>) {\n    let c: UnsafePointer<Int> = b\n}\n"),
            Sample("Sources/A/A.swift", "struct A {\n    let f: (UnsafePointer<Int>) -> Void\n}\n"),
            Sample("Sources/A/A.swift", "struct A {\n    var p: UnsafePointer<Int> { b { $0 } }\n}\n"),
            Sample("Sources/A/A.swift", "// @unchecked Sendable is not used.\nlet a = \"nonisolated(unsafe)\"\n"),
            Sample("Tests/A/A.swift", "final class A: @unchecked Sendable {}\n"),
        ],
        check: { file in
            guard file.isSwift, !file.isTest else { return [] }
            let claims =
                file.code.indices.filter { index in
                    let rest = file.code[index...].prefix(3).map(\.text)
                    return rest.starts(with: ["@", "unchecked"]) || rest == ["nonisolated", "(", "unsafe"]
                }.map { file.code[$0].line } + Scopes(file.code).storedPointers
            return claims.filter { !file.hasSafetyComment(above: $0) }.map {
                Finding(path: file.path, line: $0, message: "say why this is right in a comment `// Safety: …` above")
            }
        }
    )

    static let functionLength = Rule(
        name: "functions have at most 70 lines",
        bad: [
            Sample("Sources/A/A.swift", "func a() {\n" + String(repeating: "b()\n", count: 70) + "}\n"),
            Sample(
                "Sources/A/A.swift",
                "class A {\n  init(\n    b: Int\n  ) {\n" + String(repeating: "b()\n", count: 70) + "}}\n"
            ),
        ],
        good: [
            Sample("Sources/A/A.swift", "func a() {\n" + String(repeating: "b()\n", count: 68) + "}\n"),
            Sample("Sources/A/A.swift", "struct A {\n" + String(repeating: "var b: Int { 1 }\n", count: 100) + "}\n"),
            Sample("Sources/A/A.swift", "let a = [\n" + String(repeating: "1,\n", count: 100) + "]\n"),
        ],
        check: { file in
            guard file.isSwift else { return [] }
            return Scopes(file.code).functions.filter { $0.count > 70 }.map {
                Finding(path: file.path, line: $0.lowerBound, message: "a function of \($0.count) lines; at most 70")
            }
        }
    )

    static let noUnescapedTemplates = Rule(
        name: "templates leave no text as it is",
        bad: [
            Sample("Sources/WebUI/A.swift", "let a = \"<p>{{{title}}}</p>\"\n"),
            Sample("Sources/WebUI/A.swift", "let a = \"\"\"\n    <p>{{& title}}</p>\n    \"\"\"\n"),
            Sample("Sources/WebUI/A.swift", "let a = \"{{%CONTENT_TYPE:TEXT}}{{title}}\"\n"),
            Sample("Sources/WebUI/A.swift", "let a = \"{{=<% %>=}}<%& title %>\"\n"),
            Sample("Sources/HTTPAPI/A.swift", "let a = \"{{{b}}}\"\n"),
            Sample("Sources/WebUI/B.swift", "let a = try MustacheTemplate(string: b)\n"),
        ],
        good: [
            Sample("Sources/WebUI/A.swift", "// Never {{{title}}}.\nlet a = \"{{#a}}{{.}}{{/a}}{{title}}&amp;\"\n"),
            Sample("Sources/WebUI/HTMLText.swift", "let a = try MustacheTemplate(string: \"{{% CONTENT_TYPE: B}}\")\n"),
            Sample("Tests/WebUITests/A.swift", "let a = \"{{{title}}}\"\n"),
        ],
        check: { file in
            guard file.isSwift, file.target != nil, file.path != "Sources/WebUI/HTMLText.swift" else { return [] }
            let forms = ["{{{", "{{&", "{{ &", "{{%", "{{ %", "{{="]
            return file.code.compactMap { token in
                if token.isWord("MustacheTemplate"), !file.path.hasSuffix("WebUI/Renderer.swift") {
                    let message = "templates are made in WebUI/HTMLText.swift, which escapes what is put into them"
                    return Finding(path: file.path, line: token.line, message: message)
                }
                guard token.kind == .string, forms.contains(where: { token.text.firstRange(of: $0) != nil }) else {
                    return nil
                }
                return Finding(path: file.path, line: token.line, message: "a text of others would not be escaped")
            }
        }
    )

    static let noSleepInTests = Rule(
        name: "tests await events, not time",
        bad: [
            Sample("Tests/A/A.swift", "try await Task.sleep(for: .seconds(1))\n"),
            Sample("Tests/A/A.swift", "usleep(10)\n"),
            Sample("Tests/A/A.swift", "Thread.sleep(forTimeInterval: 1)\n"), Sample("Tests/A/A.swift", "sleep(1)\n"),
            Sample("Tests/A/A.swift", "try await clock.sleep(until: a)\n"),
        ],
        good: [
            Sample("Tests/A/A.swift", "// No Task.sleep(1) here.\nlet sleep = \"sleep(1)\"\nfunc sleepless() {}\n"),
            Sample("Sources/A/A.swift", "try await Task.sleep(for: .seconds(1))\n"),
        ],
        check: { file in
            guard file.isSwift, file.isTest else { return [] }
            let names: Set<String> = ["sleep", "usleep", "nanosleep", "clock_nanosleep"]
            return zip(file.code, file.code.dropFirst()).compactMap { token, next in
                guard token.kind == .word, names.contains(token.text), next.isMark("(") else { return nil }
                return Finding(
                    path: file.path,
                    line: token.line,
                    message: "await the event instead of letting time pass"
                )
            }
        }
    )
}

extension SourceFile {
    /// Whether one of the three lines above, this one, the comment that ends within them, or the comment that begins
    /// right below holds `Safety:`.
    fileprivate func hasSafetyComment(above line: Int) -> Bool {
        let commented = Dictionary(comments.map { ($0.line, $0.text) }, uniquingKeysWith: { $0 + $1 })
        if commented[line + 1]?.contains("Safety:") == true { return true }
        var current = line
        var budget = 4
        while current > 0, budget > 0 {
            if commented[current]?.contains("Safety:") == true { return true }
            // A comment may be as long as it needs to be.
            if commented[current] == nil || current == line { budget -= 1 }
            current -= 1
        }
        return false
    }
}
