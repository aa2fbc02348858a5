// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The one stylesheet. Its path holds a digest of its text, so that it can be kept for ever.
package enum WebStylesheet {
    package static let path = "/ui/style-\(digest).css"
    /// Of the text, by FNV-1a: it tells versions apart and guards nothing.
    package static let digest: String = {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return String(hash, radix: 16)
    }()

    package static let text = colours + frame + lists + parts + narrow

    private static let colours = """
        :root{color-scheme:light dark;--ground:#f7f8fa;--paper:#fff;--line:#dfe3e8;--ink:#1b2330;--quiet:#566171;
        --link:#1d5a9c;--accent:#2b6cb0;--good:#1c6b3c;--good-bg:#e2f3e8;--bad:#a3231f;--bad-bg:#fbe6e5;--warn:#7a4a00;
        --warn-bg:#fbf0d9;--calm:#3d4b5e;--calm-bg:#e9edf2;--track:#dfe3e8}
        @media (prefers-color-scheme:dark){:root{--ground:#11151b;--paper:#181e26;--line:#2b3440;--ink:#e4e8ee;
        --quiet:#9fabba;--link:#85b7f0;--accent:#6ea8e6;--good:#86d9a4;--good-bg:#16301f;--bad:#f2a09b;--bad-bg:#3a1a1a;
        --warn:#efc374;--warn-bg:#33260d;--calm:#b9c4d2;--calm-bg:#26303c;--track:#2b3440}}

        """

    private static let frame = """
        *{box-sizing:border-box}
        html{font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;
        background:var(--ground);color:var(--ink);-webkit-text-size-adjust:100%}
        body{margin:0;min-height:100vh;display:flex;flex-direction:column}
        a{color:var(--link);text-underline-offset:2px;text-decoration-thickness:1px}
        a:hover{text-decoration-thickness:2px}
        :focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:3px}
        main:focus{outline:none}
        .skip{position:absolute;left:-999px;top:0;background:var(--paper);padding:.6rem 1rem;z-index:2}
        .skip:focus{left:.5rem;top:.5rem}
        .top{background:var(--paper);border-bottom:1px solid var(--line)}
        .inner,main,.foot{width:100%;max-width:82rem;margin:0 auto;padding:0 1.25rem}
        .inner{display:flex;flex-wrap:wrap;align-items:center;gap:.25rem 1.75rem;padding-top:.55rem;
        padding-bottom:.55rem}
        .brand{display:flex;align-items:center;gap:.55rem;font-weight:650;font-size:1.1rem;color:var(--ink);
        text-decoration:none;letter-spacing:-.01em}
        .brand svg{fill:var(--accent)}
        .top nav ul{display:flex;flex-wrap:wrap;gap:.1rem .35rem;list-style:none;margin:0;padding:0}
        .top nav a,.tabs a{display:block;padding:.35rem .6rem;border-radius:6px;text-decoration:none;color:var(--quiet)}
        .top nav a:hover,.tabs a:hover{background:var(--calm-bg);color:var(--ink)}
        .top nav a[aria-current],.tabs a[aria-current]{color:var(--ink);background:var(--calm-bg);font-weight:600}
        .who{margin:0 0 0 auto}
        main{flex:1;padding-top:1.5rem;padding-bottom:3rem}
        .foot{color:var(--quiet);font-size:.85rem;border-top:1px solid var(--line);padding-top:.6rem;
        padding-bottom:.9rem}
        .foot p{margin:0}
        h1{font-size:1.6rem;line-height:1.25;letter-spacing:-.015em;margin:.1rem 0 1rem;font-weight:650;
        overflow-wrap:anywhere}
        h2{font-size:1.15rem;margin:2.2rem 0 .7rem;font-weight:650;letter-spacing:-.01em}
        h3{font-size:1rem;margin:0 0 .4rem;font-weight:650}
        .card h2{margin-top:0}
        p{margin:.4rem 0}
        .lead{color:var(--quiet);max-width:46rem;margin-bottom:1.2rem}
        .quiet,.age{color:var(--quiet)}
        .age{font-size:.87rem;white-space:nowrap}
        time{font-variant-numeric:tabular-nums;white-space:nowrap}
        code,pre,.digest{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;
        font-size:.88em}

        """

    private static let lists = """
        .list{width:100%;border-collapse:collapse;background:var(--paper);border:1px solid var(--line);
        border-radius:8px;
        margin:.4rem 0 1rem}
        .list caption{text-align:left;color:var(--quiet);font-size:.87rem;padding:0 0 .35rem}
        .list th,.list td{text-align:left;vertical-align:top;padding:.5rem .75rem;border-top:1px solid var(--line);
        font-weight:400}
        .list thead th{border-top:0;color:var(--quiet);font-size:.8rem;font-weight:600;white-space:nowrap;
        background:var(--ground)}
        .list tbody th{font-weight:550;overflow-wrap:anywhere}
        .list tbody tr:hover{background:var(--ground)}
        .list .number,summary .number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
        .digest{display:inline-block;max-width:21ch;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;
        vertical-align:bottom}
        .break{overflow-wrap:anywhere}
        .clip{max-width:26ch}
        .empty{color:var(--quiet);background:var(--paper);border:1px dashed var(--line);border-radius:8px;
        padding:1rem 1.1rem}
        .facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(13rem,1fr));gap:.9rem 1.5rem;
        margin:.5rem 0 1rem;
        padding:1rem 1.1rem;background:var(--paper);border:1px solid var(--line);border-radius:8px}
        .facts div{min-width:0}
        .facts .long{grid-column:1/-1}
        .facts dt,.pairs dt{color:var(--quiet);font-size:.8rem;font-weight:600}
        .facts dd,.pairs dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
        .card .facts{padding:0;border:0;background:none;margin-bottom:0;
        grid-template-columns:repeat(auto-fill,minmax(9rem,1fr))}
        .pairs{background:var(--paper);border:1px solid var(--line);border-radius:8px;margin:.4rem 0 1rem;
        padding:.2rem 1.1rem}
        .pairs div{padding:.5rem 0;border-top:1px solid var(--line)}
        .pairs div:first-child{border-top:0}
        .pairs dt{overflow-wrap:anywhere}
        .cards{list-style:none;margin:.4rem 0 1rem;padding:0;display:grid;gap:1rem;align-items:start;
        grid-template-columns:repeat(auto-fill,minmax(min(100%,24rem),1fr))}
        .card{background:var(--paper);border:1px solid var(--line);border-radius:8px;padding:1rem 1.1rem;min-width:0;
        margin-bottom:1rem}
        .cards .card{margin:0}
        .findings{margin:.5rem 0;padding:0;list-style:none;overflow-wrap:anywhere}
        .findings li{padding:.15rem 0}
        .pager{display:flex;gap:.75rem;margin:.5rem 0}
        .pager a,.links a{display:inline-block;padding:.35rem .8rem;border:1px solid var(--line);border-radius:6px;
        background:var(--paper);text-decoration:none}
        .pager a:hover,.links a:hover{border-color:var(--accent)}
        .links{display:flex;flex-wrap:wrap;gap:.5rem}

        """

    private static let parts = """
        .crumbs{color:var(--quiet);font-size:.92rem;margin-bottom:.25rem;overflow-wrap:anywhere}
        .tabs{display:flex;gap:.35rem;margin-bottom:1rem}
        .copy{margin:-.5rem 0 1rem}
        .copy code{-webkit-user-select:all;user-select:all;overflow-wrap:anywhere;color:var(--quiet)}
        .search{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem .6rem;margin:0 0 1.1rem}
        .search label{color:var(--quiet);font-size:.9rem}
        .search input{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--quiet);
        border-radius:6px;
        padding:.35rem .6rem;min-width:0;width:17rem;max-width:100%}
        .search button{font:inherit;font-weight:600;color:var(--paper);background:var(--link);
        border:1px solid var(--link);
        border-radius:6px;padding:.35rem 1rem;cursor:pointer}
        .badge{display:inline-block;font-size:.78rem;font-weight:600;letter-spacing:0;padding:.08rem .5rem;
        border-radius:99px;white-space:nowrap;vertical-align:middle;line-height:1.5}
        .badge.good{color:var(--good);background:var(--good-bg)}
        .badge.bad{color:var(--bad);background:var(--bad-bg)}
        .badge.warn{color:var(--warn);background:var(--warn-bg)}
        .badge.calm{color:var(--calm);background:var(--calm-bg)}
        .good-text{color:var(--good)}
        .bad-text{color:var(--bad);overflow-wrap:anywhere}
        .note{padding:.7rem 1rem;border-radius:8px;border-left:4px solid;overflow-wrap:anywhere}
        .note.bad{background:var(--bad-bg);border-color:var(--bad)}
        .note.warn{background:var(--warn-bg);border-color:var(--warn)}
        .note.calm{background:var(--calm-bg);border-color:var(--calm)}
        .chip{display:inline-block;background:var(--calm-bg);border-radius:6px;padding:0 .45rem;
        margin:.1rem .2rem .1rem 0;
        overflow-wrap:anywhere}
        .meter,.severity{display:block;width:100%;height:8px;border-radius:4px;margin:.45rem 0;overflow:hidden}
        .meter .rest{fill:var(--track)}
        .meter.good .done{fill:var(--good)}
        .meter.warn .done{fill:var(--warn)}
        .meter.bad .done{fill:var(--bad)}
        .meter.calm .done{fill:var(--accent)}
        .critical{fill:#b3261e;background:#b3261e}
        .high{fill:#d9730d;background:#d9730d}
        .unknown{fill:#7a7f8a;background:#7a7f8a}
        .medium{fill:#c9a20b;background:#c9a20b}
        .low,.negligible,.none{fill:#5b8fc7;background:#5b8fc7}
        .counts{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem .9rem;margin:.3rem 0;padding:0;
        font-variant-numeric:tabular-nums}
        .dot{display:inline-block;width:.65em;height:.65em;border-radius:50%;margin-right:.35em}
        .chart{margin:.8rem 0}
        .chart svg{display:block;width:100%;height:120px;background:var(--ground);border-radius:6px}
        .chart polyline{fill:none;stroke:var(--accent);stroke-width:2;vector-effect:non-scaling-stroke}
        .chart .axis{stroke:var(--line)}
        .chart .limit{stroke:var(--bad);stroke-dasharray:6 5;vector-effect:non-scaling-stroke}
        .chart figcaption{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 1rem;color:var(--quiet);
        font-size:.85rem;padding-top:.3rem}
        pre{background:var(--paper);border:1px solid var(--line);border-radius:8px;padding:.8rem 1rem;overflow:auto;
        margin:.4rem 0;white-space:pre-wrap;overflow-wrap:anywhere}
        details{background:var(--paper);border:1px solid var(--line);border-bottom:0;padding:.45rem .8rem}
        details:first-child{border-radius:8px 8px 0 0}
        details:last-child{border-bottom:1px solid var(--line);border-radius:0 0 8px 8px}
        summary{cursor:pointer;overflow-wrap:anywhere}
        .entries{margin-bottom:1rem}

        """

    /// On narrow screens each row of a table is a block, and its cells say what they are.
    private static let narrow = """
        @media (max-width:46rem){
        .inner,main,.foot{padding-left:.9rem;padding-right:.9rem}
        h1{font-size:1.35rem}
        .top nav{order:3;width:100%}
        .top nav a{padding:.4rem .5rem}
        .search input{width:100%}
        .list,.list caption,.list tbody,.list tr,.list th,.list td{display:block}
        .list{border:0;background:none}
        .list thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
        .list tbody tr{background:var(--paper);border:1px solid var(--line);border-radius:8px;margin-bottom:.7rem;
        padding:.55rem .8rem}
        .list th,.list td{border:0;padding:.15rem 0}
        .list td{display:flex;gap:0 .5rem;justify-content:flex-end;text-align:right;flex-wrap:wrap;align-items:baseline}
        .list td.break{display:block;text-align:left}
        .list td::before{content:attr(data-label);color:var(--quiet);font-size:.85rem;text-align:left;margin-right:auto}
        .list td.break::before{display:block}
        .list td:empty{display:none}
        .list .number{text-align:right}
        .clip{max-width:none}
        .facts time,.card time{white-space:normal}
        .facts{grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));padding:.8rem .9rem;gap:.7rem 1rem}
        }
        @media (prefers-reduced-motion:no-preference){a,.top nav a{transition:background-color .1s}}

        """
}
