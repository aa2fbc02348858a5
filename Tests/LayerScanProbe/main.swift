// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Glibc
import LayerScan

/// What a worker that was taken over would try, and how one can fail. Without a word it scans like a real one.
enum Probe {
    static func run(_ word: String) -> Never {
        if word != "outside" {
            do { try Sandbox.enter(limits(word)) } catch { _exit(9) }
        }
        attempt(word)
        say("still alive")
        _exit(0)
    }

    private static func limits(_ word: String) -> LayerWorkerLimits {
        var limits = LayerWorkerLimits()
        if word == "processor" { limits.processorSeconds = 1 }
        return limits
    }

    private static func attempt(_ word: String) {
        switch word {
        case "open", "outside": say("\(open("/etc/passwd", O_RDONLY))")
        case "create": say("\(open("/tmp/cairn-probe", O_WRONLY | O_CREAT, 0o600))")
        case "socket": say("\(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))")
        case "exec":
            var words: [UnsafeMutablePointer<CChar>?] = [strdup("/bin/true"), nil]
            execv("/bin/true", &words)
        case "thread":
            var thread = pthread_t()
            pthread_create(&thread, nil, { _ in nil }, nil)
        case "kill": kill(getppid(), 0)
        case "unlink": unlink("/tmp/cairn-probe")
        case "code":
            let page = mmap(nil, 4_096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            say("\(page == MAP_FAILED)")
        case "recode":
            let page = mmap(nil, 4_096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            mprotect(page, 4_096, PROT_READ | PROT_EXEC)
        case "memory":
            // More than the address space holds.
            let bytes = UnsafeMutableRawPointer.allocate(byteCount: 8 << 30, alignment: 16)
            say("\(bytes)")
        case "processor", "hang": while true { _ = getpid() }
        case "close":
            close(1)
            while true { _ = getpid() }
        case "status": _exit(3)
        case "flood":
            let line = String(repeating: "x", count: 64 << 10)
            while true { say(line) }
        default: break
        }
    }

    private static func say(_ text: String) {
        var bytes = Array(text.utf8)
        _ = write(1, &bytes, bytes.count)
    }
}

if CommandLine.arguments.count > 1 { Probe.run(CommandLine.arguments[1]) }
LayerScanWorker.run()
