// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Mustache

/// A page: values, and the name of the template that shows them.
package protocol WebPage: Sendable {
    static var template: WebTemplate { get }
    /// What the window is called.
    var title: String { get }
}

/// A template of a page or of a part of one.
package struct WebTemplate: Sendable {
    let name: String
    /// Mustache, without anything that leaves texts as they are.
    let text: String

    init(_ name: String, _ text: String) {
        self.name = name
        self.text = text
    }
}

/// Makes pages of values.
package struct WebRenderer: Sendable {
    private let library: MustacheLibrary

    /// Reads all templates.
    ///
    /// - Throws: Where one of them is malformed, which a test would have found.
    package init() throws {
        var templates: [String: MustacheTemplate] = [:]
        for template in WebTemplate.all { templates[template.name] = try HTMLText.template(template.text) }
        library = MustacheLibrary(templates: templates)
    }

    /// The page as HTML.
    package func render<Page: WebPage>(_ page: Page, in shell: WebShell) -> String {
        library.render(Frame(shell: shell, title: page.title, page: page), withTemplate: Page.template.name) ?? ""
    }

    private struct Frame {
        let shell: WebShell
        let title: String
        let page: Any
    }
}

extension WebTemplate {
    /// All there are: pages and their parts.
    static let all: [WebTemplate] = [
        layout, moment, digest, pager, fact, meter, severities, label,
        RepositoriesPage.template, RepositoryPage.template, ImagePage.template, imageTrust, imageManifest, burnChart,
        side,
        imageHistory, RetentionPage.template, RetentionRunPage.template, ExplanationPage.template,
        RegionsPage.template, AuditPage.template, DenialsPage.template, StoragePage.template, LogPage.template,
        ObjectivesPage.template, EnvironmentsPage.template, EnvironmentPage.template, ErrorPage.template,
    ]
}
