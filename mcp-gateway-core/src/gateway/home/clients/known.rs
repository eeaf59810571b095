//! The clients that are known: where each keeps its configuration, and in which form.

use super::entry::Shape;
use super::text::Form;

/// A client.
#[derive(Debug)]
pub(super) struct Known {
    /// The name that it goes by on the command line.
    pub(super) name: &'static str,
    /// What people call it.
    pub(super) title: &'static str,
    /// What is there where it is installed; any of them.
    pub(super) signs: &'static [&'static str],
    /// The user's own configuration: the files that it may be in, as [`Places::first`](super::Places) takes them.
    pub(super) user: Kept,
    pub(super) files: &'static [&'static str],
    /// The configuration of a project, from its folder on; `None` where the client has none.
    pub(super) project: Option<(&'static str, Kept)>,
    /// What a person should know once it is connected.
    pub(super) then: &'static str,
    /// What the user's file has to begin with, where it is made, and the older file that counts until it is.
    pub(super) begins: Option<(&'static str, &'static str)>,
}

/// How servers are kept in a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub(super) form: Form,
    /// The key that they are under.
    pub(super) key: &'static str,
    pub(super) shape: Shape,
}

const fn json(key: &'static str, shape: Shape) -> Kept {
    Kept { form: Form::Json, key, shape }
}

const SERVERS: Kept = json("mcpServers", Shape::Plain);
const CODEX: Kept = Kept { form: Form::Toml, key: "mcp_servers", shape: Shape::Codex };
const OPENCODE: Kept = json("mcp", Shape::OpenCode);
const RESTART: &str = "restart it, or reload its MCP servers";

/// Every client, by name.
pub(super) const KNOWN: &[Known] = &[
    Known {
        name: "claude-code",
        title: "Claude Code",
        signs: &["$CLAUDE_CONFIG_DIR", "~/.claude.json", "~/.claude"],
        user: json("mcpServers", Shape::Typed),
        files: &["$CLAUDE_CONFIG_DIR/.claude.json", "~/.claude.json"],
        project: Some((".mcp.json", json("mcpServers", Shape::Typed))),
        then: "sessions that are open see it after `/mcp`; a project's servers are asked about once",
        begins: None,
    },
    Known {
        name: "claude-desktop",
        title: "Claude Desktop",
        signs: &["$SUPPORT/Claude", "/Applications/Claude.app"],
        user: SERVERS,
        files: &["$SUPPORT/Claude/claude_desktop_config.json"],
        project: None,
        then: "quit and start it again",
        begins: None,
    },
    Known {
        name: "cline",
        title: "Cline",
        signs: &["$SUPPORT/Code/User/globalStorage/saoudrizwan.claude-dev", "~/.cline"],
        user: SERVERS,
        files: &[
            "$SUPPORT/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
            "~/.cline/data/settings/cline_mcp_settings.json",
        ],
        project: None,
        then: RESTART,
        begins: None,
    },
    Known {
        name: "codex",
        title: "Codex",
        signs: &["$CODEX_HOME", "~/.codex"],
        user: CODEX,
        files: &["$CODEX_HOME/config.toml", "~/.codex/config.toml"],
        project: Some((".codex/config.toml", CODEX)),
        then: "start a new session; a project's servers count in trusted projects only",
        begins: None,
    },
    Known {
        name: "continue",
        title: "Continue",
        signs: &["~/.continue"],
        user: Kept { form: Form::Yaml, key: "mcpServers", shape: Shape::Named },
        files: &["~/.continue/config.yaml", "~/.continue/config.yml"],
        project: Some((".continue/mcpServers/mcp-gateway.json", SERVERS)),
        then: "reload it; it uses MCP servers in agent mode",
        begins: Some(("name: Local Config\nversion: 1.0.0\nschema: v1\n", "~/.continue/config.json")),
    },
    Known {
        name: "crush",
        title: "Crush",
        signs: &["$XDG/crush", "$LOCALAPPDATA/crush"],
        user: json("mcp", Shape::Typed),
        files: &["$XDG/crush/crush.json", "$LOCALAPPDATA/crush/crush.json"],
        project: Some((".crush.json", json("mcp", Shape::Typed))),
        then: "start it again; what a `crushrc` says counts before this file",
        begins: None,
    },
    Known {
        name: "cursor",
        title: "Cursor",
        signs: &["~/.cursor", "$SUPPORT/Cursor", "/Applications/Cursor.app"],
        user: SERVERS,
        files: &["~/.cursor/mcp.json"],
        project: Some((".cursor/mcp.json", SERVERS)),
        then: "switch it on in Cursor's settings, under MCP",
        begins: None,
    },
    Known {
        name: "gemini",
        title: "Gemini CLI",
        signs: &["~/.gemini"],
        user: SERVERS,
        files: &["~/.gemini/settings.json"],
        project: Some((".gemini/settings.json", SERVERS)),
        then: "start it again; `/mcp` shows it",
        begins: None,
    },
    Known {
        name: "goose",
        title: "Goose",
        signs: &["~/.config/goose", "$APPDATA/Block/goose"],
        user: Kept { form: Form::Yaml, key: "extensions", shape: Shape::Goose },
        files: &["~/.config/goose/config.yaml", "$APPDATA/Block/goose/config/config.yaml"],
        project: None,
        then: "start a new session",
        begins: None,
    },
    Known {
        name: "kiro",
        title: "Kiro",
        signs: &["~/.kiro", "/Applications/Kiro.app"],
        user: SERVERS,
        files: &["~/.kiro/settings/mcp.json"],
        project: Some((".kiro/settings/mcp.json", SERVERS)),
        then: "it connects when the file is written",
        begins: None,
    },
    Known {
        name: "lmstudio",
        title: "LM Studio",
        signs: &["~/.lmstudio", "~/.cache/lm-studio"],
        user: SERVERS,
        files: &["~/.lmstudio/mcp.json", "~/.cache/lm-studio/mcp.json"],
        project: None,
        then: "switch it on in the program tab",
        begins: None,
    },
    Known {
        name: "opencode",
        title: "OpenCode",
        signs: &["~/.config/opencode", "$XDG/opencode"],
        user: OPENCODE,
        files: &["$XDG/opencode/opencode.json", "$XDG/opencode/opencode.jsonc"],
        project: Some(("opencode.json", OPENCODE)),
        then: "start it again",
        begins: None,
    },
    Known {
        name: "vscode",
        title: "Visual Studio Code",
        signs: &["$SUPPORT/Code", "/Applications/Visual Studio Code.app"],
        user: json("servers", Shape::Typed),
        files: &["$SUPPORT/Code/User/mcp.json"],
        project: Some((".vscode/mcp.json", json("servers", Shape::Typed))),
        then: "start it from the list of MCP servers; VS Code asks whether you trust it",
        begins: None,
    },
    Known {
        name: "windsurf",
        title: "Windsurf",
        signs: &["~/.codeium/windsurf", "$SUPPORT/Windsurf", "/Applications/Windsurf.app"],
        user: SERVERS,
        files: &["~/.codeium/windsurf/mcp_config.json"],
        project: None,
        then: "refresh the MCP servers in Cascade",
        begins: None,
    },
    Known {
        name: "zed",
        title: "Zed",
        signs: &["$XDG/zed", "$APPDATA/Zed", "/Applications/Zed.app"],
        user: json("context_servers", Shape::Zed),
        files: &["$XDG/zed/settings.json", "$APPDATA/Zed/settings.json"],
        project: Some((".zed/settings.json", json("context_servers", Shape::Zed))),
        then: "it connects when the file is written; a project must be trusted",
        begins: None,
    },
];
