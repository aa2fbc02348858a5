// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What went wrong, and what to do.
package struct ErrorPage: WebPage {
    package let title: String
    let status: Int
    let message: String
    let details: [Fact]
    /// The id of the request, for whoever looks into the server's log.
    let request: String
    let canSignIn: Bool

    package init(
        status: Int,
        title: String,
        message: String,
        details: [Fact],
        request: String,
        canSignIn: Bool
    ) {
        self.title = title
        self.status = status
        self.message = message
        self.details = details
        self.request = request
        self.canSignIn = canSignIn
    }

    package static let template = WebTemplate(
        "error",
        """
        {{<layout}}{{$main}}
        <h1><span class="quiet">{{status}}</span> {{title}}</h1>
        <p class="lead break">{{message}}</p>
        {{^empty(details)}}<dl class="facts">
        {{#details}}{{>fact}}{{/details}}
        </dl>{{/empty(details)}}
        <p class="links">{{#canSignIn}}<a href="/ui/sign-in">Sign in</a> {{/canSignIn}}<a href="/ui/">Repositories\
        </a></p>
        <p class="quiet">Request <code>{{request}}</code></p>
        {{/main}}{{/layout}}
        """
    )
}
