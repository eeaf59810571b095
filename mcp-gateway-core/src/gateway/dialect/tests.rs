//! The shapes as the APIs document them, and what must survive the way there and back.

use std::time::{Duration, Instant};

use serde_json::json;

use super::*;

fn tool(name: &str, schema: Value) -> Definition {
    let json = json!({"name": name, "description": format!("Does {name}."), "inputSchema": schema});
    Definition::new(name, json.to_string())
}

fn set(dialect: Dialect, tools: &[Definition]) -> ToolSet {
    ToolSet::of(dialect, tools).unwrap()
}

/// The schema of the first tool as the API gets it.
fn schema_of(set: &ToolSet) -> &Value {
    let tool = &set.tools[0];
    match set.dialect {
        Dialect::OpenaiChat => &tool["function"]["parameters"],
        Dialect::OpenaiResponses => &tool["parameters"],
        Dialect::Anthropic => &tool["input_schema"],
        Dialect::Gemini => &tool["parametersJsonSchema"],
    }
}

/// A schema at one API, and where it was changed.
fn adapted(dialect: Dialect, schema: Value) -> (Value, Vec<String>) {
    let set = set(dialect, &[tool("x", schema)]);
    assert!(set.changes.iter().all(|change| change.tool == "x" && change.change.ends_with('.')), "{:?}", set.changes);
    (schema_of(&set).clone(), set.changes.into_iter().map(|change| change.path).collect())
}

/// A call of the first tool as the API sends it.
fn written(set: &ToolSet, arguments: &Value) -> Value {
    let name = set.names.keys().next().unwrap();
    match set.dialect {
        Dialect::OpenaiChat => {
            json!({"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments.to_string()}})
        }
        Dialect::OpenaiResponses => {
            let arguments = arguments.to_string();
            json!({"type": "function_call", "id": "fc1", "call_id": "c1", "name": name, "arguments": arguments})
        }
        Dialect::Anthropic => json!({"type": "tool_use", "id": "c1", "name": name, "input": arguments}),
        Dialect::Gemini => json!({"functionCall": {"id": "c1", "name": name, "args": arguments}}),
    }
}

fn read(set: &ToolSet, arguments: &Value) -> Value {
    let call = set.read_call(&written(set, arguments)).unwrap();
    assert_eq!(call.id.as_deref(), Some("c1"));
    assert_eq!(&call.name, set.names.values().next().unwrap());
    call.arguments
}

fn failure(set: &ToolSet, call: Value) -> String {
    let error = set.read_call(&call).unwrap_err();
    let hint = error.hints().next().unwrap_or("none");
    format!("{}: {}\nhint: {hint}", error.kind(), error.report())
}

/// A result on its way to the model.
fn answer(dialect: Dialect, result: Value) -> Value {
    let set = set(dialect, &[tool("time.now", json!({"type": "object", "properties": {}}))]);
    set.answer(&ToolCall::new(Some("c1".to_owned()), "time.now", json!({})), &result)
}

// === tools ===

#[test]
fn each_api_gets_its_shape() {
    let schema = json!({
        "type": "object", "properties": {"zone": {"type": "string", "default": 1.0}}, "required": ["zone"],
        "additionalProperties": false, "$defs": {"x": {"type": "array", "items": {"$ref": "#/$defs/x"}}},
    });
    let tools = [tool("time.now", schema.clone())];
    let (name, text) = ("time_now", "Does time.now.");
    let shapes = Dialect::ALL.map(|dialect| set(dialect, &tools).tools);
    assert_eq!(
        shapes.concat(),
        [
            json!({"type": "function", "function": {"name": name, "description": text, "parameters": schema}}),
            json!({"type": "function", "name": name, "description": text, "parameters": schema, "strict": false}),
            json!({"name": name, "description": text, "input_schema": schema}),
            json!({"name": name, "description": text, "parametersJsonSchema": schema}),
        ]
    );
    for dialect in Dialect::ALL {
        let set = set(dialect, &tools);
        assert_eq!(set.name_of("time_now").unwrap(), "time.now");
        assert_eq!(set.api_name_of("time.now"), Some("time_now"));
        assert_eq!(set.changes.iter().map(|change| change.path.as_str()).collect::<Vec<_>>(), ["/name"]);
    }
}

/// Whether maps of JSON keep their order depends on what else is built in.
fn sorted_keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn a_set_has_a_json_form() {
    let set = set(Dialect::OpenaiChat, &[tool("a.b", json!({"type": "object"}))]);
    let json = serde_json::to_value(&set).unwrap();
    assert_eq!(json["dialect"], "openai-chat");
    assert_eq!(json["names"], json!({"a_b": "a.b"}));
    assert_eq!(sorted_keys(&json), ["changes", "dialect", "names", "tools"]);
    assert_eq!(
        json["changes"],
        json!([
            {
                "tool": "a.b", "path": "/name",
                "change": "The name is `a_b`: the API takes at most 64 letters, digits, `_` and `-`.",
            },
            {
                "tool": "a.b", "path": "/inputSchema/properties",
                "change": "`properties` are added, empty: the API wants them here.",
            },
        ])
    );
}

#[test]
fn dialects_have_one_text_form() {
    for dialect in Dialect::ALL {
        assert_eq!(serde_json::to_value(dialect).unwrap(), dialect.as_str());
        assert_eq!(dialect.to_string().parse::<Dialect>().unwrap(), dialect);
    }
    let error = "openai".parse::<Dialect>().unwrap_err();
    assert_eq!(error.hints().next(), Some("use one of openai-chat, openai-responses, anthropic, gemini"));
}

#[test]
fn the_description_is_what_there_is() {
    let described = |dialect, fields: &str| {
        let json = format!(r#"{{"name": "x", "inputSchema": {{"type": "object", "properties": {{}}}}{fields}}}"#);
        let set = set(dialect, &[Definition::new("x", json)]);
        let tool = set.tools[0].get("function").unwrap_or(&set.tools[0]);
        (tool.get("description").cloned(), set.changes.len())
    };
    let text = |text: &str| Some(Value::from(text));
    assert_eq!(described(Dialect::Gemini, r#", "description": "a", "title": "b""#), (text("a"), 0));
    assert_eq!(described(Dialect::Gemini, r#", "description": "", "title": "b""#), (text("b"), 0));
    assert_eq!(described(Dialect::Gemini, r#", "description": 5, "annotations": {"title": "c"}"#), (text("c"), 0));
    assert_eq!(described(Dialect::Gemini, ""), (None, 0));
    let long = format!(r#", "description": "{}""#, "ü".repeat(1025));
    let (short, changes) = described(Dialect::OpenaiResponses, &long);
    assert_eq!((short, changes), (text(&format!("{}…", "ü".repeat(1023))), 1));
    assert_eq!(described(Dialect::Anthropic, &long), (text(&"ü".repeat(1025)), 0));
    let ascii = format!(r#", "description": "{}""#, "a".repeat(1025));
    assert_eq!(described(Dialect::OpenaiChat, &ascii).1, 1);
    let fits = format!(r#", "description": "{}""#, "ü".repeat(1024));
    assert_eq!(described(Dialect::OpenaiResponses, &fits), (text(&"ü".repeat(1024)), 0));
}

#[test]
fn broken_definitions_are_refused() {
    for json in ["", "[]", "1", r#"{"name": "x""#] {
        let error = ToolSet::of(Dialect::Gemini, &[Definition::new("x", json)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(error.to_string().contains("tool: x"), "{error}");
    }
    let twice = [tool("x", json!({})), tool("x", json!({}))];
    assert_eq!(ToolSet::of(Dialect::Gemini, &twice).unwrap_err().kind(), ErrorKind::InvalidInput);
}

// === schemas ===

#[test]
fn what_every_api_takes_stays_as_it_is() {
    let schema = json!({
        "type": "object", "title": "T", "description": "D", "x-vendor": {"$schema": 1, "required": true},
        "properties": {
            "schema": {"type": "string"}, "type": {"enum": [{"type": "array"}]}, "n": {"const": {"type": "array"}},
            "either": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": {"type": "array", "required": 1}},
            "all": {"allOf": [{"$ref": "#/$defs/a"}, {"not": {"type": "integer"}}]}, "free": {"type": "object"},
            "list": {"type": ["array", "null"], "items": {"type": "array", "items": {}}, "maxItems": 1e3},
        },
        "required": ["n"], "patternProperties": {"^x": {}}, "if": {}, "dependentRequired": {"n": ["list"]},
        "$defs": {"a": {"$id": "a", "oneOf": [true, {"type": "string", "minLength": 3}]}},
    });
    for dialect in Dialect::ALL {
        assert_eq!(adapted(dialect, schema.clone()), (schema.clone(), vec![]), "{dialect}");
    }
}

#[test]
fn the_root_becomes_an_object() {
    let plain = json!({"type": "object", "properties": {}});
    for dialect in Dialect::ALL {
        let (schema, changes) = adapted(dialect, json!({"$schema": "s", "$id": "i", "properties": {}}));
        assert_eq!(schema, plain);
        assert_eq!(changes, ["/inputSchema/$schema", "/inputSchema/$id", "/inputSchema/type"]);
        let (schema, changes) = adapted(dialect, json!({"type": ["null", "object"], "properties": {}}));
        assert_eq!((schema, changes), (plain.clone(), vec!["/inputSchema/type".to_owned()]));
    }
    let (schema, changes) = adapted(Dialect::Anthropic, json!({"type": "object"}));
    assert_eq!((schema, changes), (json!({"type": "object"}), vec![]));
    let (schema, changes) = adapted(Dialect::OpenaiChat, json!({"type": "object"}));
    assert_eq!((schema, changes), (plain, vec!["/inputSchema/properties".to_owned()]));
}

#[test]
fn without_a_schema_any_object_is_taken() {
    let deep = format!("{}1{}", r#"{"items":"#.repeat(200), "}".repeat(200));
    for schema in ["", r#", "inputSchema": null"#, r#", "inputSchema": false"#, &format!(r#", "inputSchema": {deep}"#)]
    {
        let set = set(Dialect::Gemini, &[Definition::new("x", format!(r#"{{"name": "x"{schema}}}"#))]);
        assert_eq!(schema_of(&set), &json!({"type": "object"}));
        assert_eq!(set.changes[0].path, "/inputSchema");
    }
    assert_eq!(
        adapted(Dialect::Gemini, json!(true)),
        (json!({"type": "object"}), vec!["/inputSchema/type".to_owned()])
    );
}

#[test]
fn the_branches_of_the_root_are_merged() {
    let schema = json!({
        "type": "object", "description": "D", "properties": {"id": {"type": "string"}}, "required": ["id"],
        "anyOf": [
            {"properties": {"kind": {"const": "a"}, "n": {"type": "integer"}}, "required": ["kind", "n"]},
            {"$ref": "#/$defs/b"},
            {"type": "null"},
        ],
        "$defs": {"b": {"allOf": [
            {"type": "object", "properties": {"kind": {"const": "b"}, "n": {"type": "integer"}}, "required": ["kind"]},
            {"required": ["s"], "properties": {"s": {"$ref": "#/$defs/s"}}},
        ]}, "s": {"type": "string"}},
    });
    for dialect in Dialect::ALL {
        let (merged, changes) = adapted(dialect, schema.clone());
        assert_eq!(
            merged,
            json!({
                "type": "object", "description": "D",
                "properties": {
                    "id": {"type": "string"}, "n": {"type": "integer"}, "s": {"$ref": "#/$defs/s"},
                    "kind": {"anyOf": [{"const": "a"}, {"const": "b"}]},
                },
                "required": ["id", "kind"],
                "$defs": schema["$defs"],
            })
        );
        assert_eq!(changes, ["/inputSchema/anyOf"]);
    }
    let all = json!({"allOf": [
        {"properties": {"a": {}}, "required": ["a"]}, {"properties": {"b": {}}, "required": ["b"]}, true,
    ]});
    let merged = json!({"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a", "b"]});
    assert_eq!(adapted(Dialect::Anthropic, all).0, merged);
    let both = json!({"a": {}, "b": {}});
    let either = json!({"properties": both, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]});
    assert_eq!(adapted(Dialect::Gemini, either).0, json!({"type": "object", "properties": both}));
}

#[test]
fn a_reference_at_the_root_is_followed() {
    let properties = json!({"next": {"$ref": "#/definitions/A"}});
    let target = json!({"type": "object", "title": "A", "properties": properties, "minProperties": 1});
    let schema = json!({"$schema": "s", "title": "T", "$ref": "#/definitions/A", "definitions": {"A": target}});
    for dialect in Dialect::ALL {
        let (schema, changes) = adapted(dialect, schema.clone());
        assert_eq!(
            schema,
            json!({
                "type": "object", "title": "T", "properties": properties, "minProperties": 1,
                "definitions": {"A": target},
            })
        );
        assert_eq!(changes, ["/inputSchema/$schema", "/inputSchema/$ref"]);
    }
    let beside = json!({"$ref": "#/$defs/A", "properties": {"b": {}}, "$defs": {"A": {"properties": {"a": {}}}}});
    let (schema, _) = adapted(Dialect::Gemini, beside);
    assert_eq!(schema["properties"], json!({"a": {}, "b": {}}));
    assert_eq!(schema.get("$ref"), None);
}

#[test]
fn what_cannot_be_merged_is_wrapped_and_comes_back() {
    let schemas = [
        json!({"type": "array", "items": {"type": "string"}}),
        json!({"$ref": "https://example.com/schema"}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}),
        json!({"anyOf": [{"$ref": "#"}, {"type": "object"}]}),
        json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
        json!({"anyOf": [{"type": "object", "properties": {"a": {}, "b": {"$ref": "#/anyOf/0/properties/a"}}}]}),
        json!({"oneOf": {}}),
        json!({"allOf": vec![json!({"type": "object"}); 300]}),
    ];
    for dialect in Dialect::ALL {
        for schema in &schemas {
            let set = set(dialect, &[tool("x", schema.clone())]);
            let wrapped = schema_of(&set);
            assert_eq!(wrapped["type"], "object", "{schema}");
            assert_eq!(wrapped["required"], json!(["input"]), "{schema}");
            assert_eq!(set.changes.last().unwrap().path, "/inputSchema");
            assert_eq!(read(&set, &json!({"input": {"a": [1]}})), json!({"a": [1]}));
            // Models like to write JSON into a property.
            assert_eq!(read(&set, &json!({"input": "{\"a\": 1}"})), json!({"a": 1}));
        }
        let set = set(dialect, &[tool("x", schemas[0].clone())]);
        insta::allow_duplicates! {
            insta::assert_snapshot!(failure(&set, written(&set, &json!({"a": 1}))), @r"
            invalid_input: the arguments have no `input` (tool: x)
            hint: pass everything under the property `input`
            ");
            insta::assert_snapshot!(failure(&set, written(&set, &json!({"input": ["a"]}))), @r"
            invalid_input: the arguments are an array, not a JSON object (tool: x)
            hint: let the model call again with a JSON object
            ");
        }
    }
}

#[test]
fn references_keep_their_aim_in_a_wrapped_schema() {
    let schema = json!({
        "anyOf": [{"properties": {"a": {"$ref": "#/$defs/a"}, "b": {"$ref": "#/anyOf/0/properties/a"}}}],
        "$defs": {"a": {"items": {"$ref": "#"}, "default": {"$ref": "#"}, "not": {"$ref": "#a"}}},
    });
    assert_eq!(
        adapted(Dialect::Gemini, schema).0,
        json!({
            "type": "object", "required": ["input"],
            "properties": {"input": {"anyOf": [{"properties": {
                "a": {"$ref": "#/$defs/a"}, "b": {"$ref": "#/properties/input/anyOf/0/properties/a"},
            }}]}},
            "$defs": {"a": {"items": {"$ref": "#/properties/input"}, "default": {"$ref": "#"}, "not": {"$ref": "#a"}}},
        })
    );
}

#[test]
fn openai_gets_no_other_rule_at_the_root_and_items_everywhere() {
    let schema = json!({
        "type": "object", "not": {"required": ["a"]}, "enum": [{}], "const": {},
        "properties": {
            "a": {"type": "array"},
            "b~c": {"anyOf": [{"type": ["array", "null"], "prefixItems": [{"type": "array"}]}]},
        },
    });
    for dialect in [Dialect::OpenaiChat, Dialect::OpenaiResponses] {
        let (schema, changes) = adapted(dialect, schema.clone());
        assert_eq!(
            schema,
            json!({
                "type": "object",
                "properties": {
                    "a": {"type": "array", "items": {}},
                    "b~c": {"anyOf": [
                        {"type": ["array", "null"], "items": {}, "prefixItems": [{"type": "array", "items": {}}]},
                    ]},
                },
            })
        );
        let places = [
            "properties/a/items",
            "properties/b~0c/anyOf/0/items",
            "properties/b~0c/anyOf/0/prefixItems/0/items",
            "const",
            "enum",
            "not",
        ];
        assert_eq!(changes, places.map(|place| format!("/inputSchema/{place}")));
    }
    assert_eq!(adapted(Dialect::Gemini, schema.clone()), (schema, vec![]));
}

#[test]
fn what_servers_get_wrong_is_mended() {
    let schema = json!({
        "type": "object", "required": null,
        "properties": {"a": {"type": "string", "required": true}, "b": {"type": "object", "properties": []}},
    });
    for dialect in Dialect::ALL {
        let (schema, changes) = adapted(dialect, schema.clone());
        assert_eq!(schema, json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "object"}}}));
        let places = ["required", "properties/a/required", "properties/b/properties"];
        assert_eq!(changes, places.map(|place| format!("/inputSchema/{place}")));
    }
    let (schema, _) = adapted(Dialect::OpenaiChat, json!({"type": "object", "properties": []}));
    assert_eq!(schema, json!({"type": "object", "properties": {}}));
}

#[test]
fn properties_that_anthropic_refuses_have_other_names_there() {
    let long = "x".repeat(70);
    let schema = json!({
        "type": "object", "required": ["filter[a/b]", "$top"],
        "properties": {
            "filter[a/b]": {"type": "string"}, "filter(a/b)": {"$ref": "#/properties/filter[a~1b]"}, "a.b": {},
            "$top": {"properties": {"$deep": {}}}, "b": {"$ref": "#/properties/$top/properties/$deep"},
            long.clone(): {},
        },
    });
    let set = set(Dialect::Anthropic, &[tool("x", schema.clone())]);
    let adapted = schema_of(&set);
    let (filter, other, cut) = ("filter_a_b__3702d2e2", "filter_a_b__0e58384d", "x".repeat(55) + "_c71bd109");
    assert_eq!(sorted_keys(&adapted["properties"]), ["_top", "a.b", "b", other, filter, &cut]);
    assert_eq!(adapted["required"], json!([filter, "_top"]));
    assert_eq!(adapted["properties"]["_top"], json!({"properties": {"$deep": {}}}), "deeper ones are taken");
    assert_eq!(adapted["properties"]["b"]["$ref"], "#/properties/_top/properties/$deep");
    assert_eq!(adapted["properties"][other]["$ref"], format!("#/properties/{filter}"));
    let paths: Vec<&str> = set.changes.iter().map(|change| change.path.as_str()).collect();
    assert_eq!(paths.len(), 4);
    assert!(paths.contains(&"/inputSchema/properties/filter[a~1b]"), "{paths:?}");
    let arguments = json!({filter: "v", "_top": {"_top": 1}, "other": 2, cut: 3, "a.b": 4});
    let own = json!({"filter[a/b]": "v", "$top": {"_top": 1}, "other": 2, long: 3, "a.b": 4});
    assert_eq!(read(&set, &arguments), own);
    for dialect in [Dialect::OpenaiChat, Dialect::Gemini] {
        assert_eq!(self::adapted(dialect, schema.clone()).0, schema);
    }
}

#[test]
fn hostile_schemas_take_little_time() {
    let start = Instant::now();
    // Each definition has the next one twice: written out, there are 2^60 branches.
    let mut definitions = serde_json::Map::new();
    for n in 0..60 {
        let next = json!({"$ref": format!("#/$defs/{}", n + 1)});
        definitions.insert(n.to_string(), json!({"anyOf": [next, next]}));
    }
    definitions.insert("60".to_owned(), json!({"type": "object"}));
    let set = self::set(Dialect::Gemini, &[tool("x", json!({"$ref": "#/$defs/0", "$defs": definitions}))]);
    assert_eq!(schema_of(&set)["required"], json!(["input"]));
    // Parts within parts, each of them large.
    let text = "x".repeat(300_000);
    let set = self::set(Dialect::Gemini, &[tool("x", json!({"allOf": [{"properties": {"a": {"const": text}}}]}))]);
    assert_eq!(schema_of(&set)["required"], json!(["input"]));
    // Nesting to the depth that a parser takes, and a fault in many places.
    let deep = format!("{}{{}}{}", r#"{"type":"array","items":"#.repeat(120), "}".repeat(120));
    let many: serde_json::Map<_, _> = (0..20_000).map(|n| (format!("p{n}"), json!({"type": "array"}))).collect();
    let json = json!({"name": "x", "inputSchema": {"properties": many}}).to_string();
    let set = ToolSet::of(
        Dialect::OpenaiChat,
        &[
            Definition::new("deep", format!(r#"{{"inputSchema":{{"type":"object","properties":{{"d":{deep}}}}}}}"#)),
            Definition::new("many", json),
        ],
    )
    .unwrap();
    assert_eq!(set.changes.len(), 101);
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn five_thousand_tools_take_little_time() {
    let start = Instant::now();
    let schema = json!({"type": "object", "properties": {"a": {"type": "array"}}});
    let name = |n: usize| format!("server{}.{}", n % 50, "tool-with-a-long-name-".repeat(4) + &n.to_string());
    let tools: Vec<_> = (0..5000).map(|n| tool(&name(n), schema.clone())).collect();
    for dialect in Dialect::ALL {
        let set = set(dialect, &tools);
        assert_eq!((set.tools.len(), set.names.len()), (5000, 5000));
        for tool in &tools {
            assert_eq!(set.name_of(set.api_name_of(&tool.key).unwrap()).unwrap(), tool.key);
        }
    }
    assert!(start.elapsed() < Duration::from_secs(20));
}

// === calls ===

#[test]
fn calls_are_read_as_each_api_sends_them() {
    for dialect in Dialect::ALL {
        let set = set(dialect, &[tool("time.now", json!({"type": "object"}))]);
        let arguments = json!({"zone": "Asia/Tokyo", "n": [1.5, 1_u64 << 60], "o": {"": null}});
        assert_eq!(read(&set, &arguments), arguments);
        assert_eq!(read(&set, &json!({})), json!({}));
        assert_eq!(read(&set, &Value::Null), json!({}));
    }
    let chat = set(Dialect::OpenaiChat, &[tool("a", json!({"type": "object"}))]);
    for arguments in [json!(""), json!(" \n"), json!("null"), json!({}), Value::Null] {
        let call = chat.read_call(&json!({"function": {"name": "a", "arguments": arguments}})).unwrap();
        assert_eq!(call, ToolCall::new(None, "a", json!({})));
    }
    assert_eq!(chat.read_call(&json!({"function": {"name": "a"}})).unwrap().arguments, json!({}));
    let gemini = set(Dialect::Gemini, &[tool("a", json!({"type": "object"}))]);
    for call in [json!({"name": "a", "args": {"x": 1}}), json!({"function_call": {"name": "a", "args": {"x": 1}}})] {
        assert_eq!(gemini.read_call(&call).unwrap(), ToolCall::new(None, "a", json!({"x": 1})));
    }
}

#[test]
fn what_is_no_call_is_explained() {
    let set = set(Dialect::OpenaiChat, &[tool("get_weather", json!({"type": "object"}))]);
    let call = |name: &str, arguments: Value| json!({"function": {"name": name, "arguments": arguments}});
    insta::assert_snapshot!(failure(&set, call("get_wether", json!("{}"))), @r"
    not_found: there is no tool `get_wether`
    hint: did you mean `get_weather`?
    ");
    insta::assert_snapshot!(failure(&set, call("q", json!("{}"))), @r"
    not_found: there is no tool `q`
    hint: call one of the tools that were given to the model
    ");
    insta::assert_snapshot!(failure(&set, call("get_weather", json!("{\"a\":"))), @r"
    invalid_input: the arguments are not valid JSON (tool: get_weather): EOF while parsing a value at line 1 column 5
    hint: let the model call again with a JSON object
    ");
    insta::assert_snapshot!(failure(&set, call("get_weather", json!("[1]"))), @r"
    invalid_input: the arguments are an array, not a JSON object (tool: get_weather)
    hint: let the model call again with a JSON object
    ");
    insta::assert_snapshot!(failure(&set, call("get_weather", json!(7))), @r"
    invalid_input: the arguments are a number, not a JSON object (tool: get_weather)
    hint: let the model call again with a JSON object
    ");
    insta::assert_snapshot!(failure(&set, json!({"name": "get_weather"})), @r"
    invalid_input: this is no tool call of `openai-chat`: it has no name
    hint: pass an item of the message's `tool_calls`, with `function.name`
    ");
    insta::assert_snapshot!(failure(&set, json!([])), @r"
    invalid_input: this is no tool call of `openai-chat`: it has no name
    hint: pass an item of the message's `tool_calls`, with `function.name`
    ");
    assert!(failure(&set, call(&"n".repeat(1_000_000), json!("{}"))).len() < 500);
}

#[test]
fn a_call_has_a_json_form() {
    let json = json!({"id": "c1", "name": "a.b", "arguments": {"x": 1}});
    let call: ToolCall = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&call).unwrap(), json);
    let call = ToolCall::new(None, "a", json!({}));
    assert_eq!(serde_json::to_value(&call).unwrap(), json!({"name": "a", "arguments": {}}));
}

// === results ===

#[test]
fn text_goes_back_as_each_api_takes_it() {
    let result = json!({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]});
    assert_eq!(
        Dialect::ALL.map(|dialect| answer(dialect, result.clone())),
        [
            json!({"role": "tool", "tool_call_id": "c1", "content": "a\nb"}),
            json!({"type": "function_call_output", "call_id": "c1", "output": "a\nb"}),
            json!({
                "type": "tool_result", "tool_use_id": "c1",
                "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            }),
            json!({"functionResponse": {"id": "c1", "name": "time_now", "response": {"output": "a\nb"}}}),
        ]
    );
}

#[test]
fn failures_are_marked() {
    let result = json!({"content": [{"type": "text", "text": "no such zone"}], "isError": true});
    assert_eq!(
        Dialect::ALL.map(|dialect| answer(dialect, result.clone())),
        [
            json!({"role": "tool", "tool_call_id": "c1", "content": "error: no such zone"}),
            json!({"type": "function_call_output", "call_id": "c1", "output": "error: no such zone"}),
            json!({
                "type": "tool_result", "tool_use_id": "c1", "is_error": true,
                "content": [{"type": "text", "text": "no such zone"}],
            }),
            json!({"functionResponse": {"id": "c1", "name": "time_now", "response": {"error": "no such zone"}}}),
        ]
    );
    let silent = json!({"content": [{"type": "text", "text": " "}], "isError": true});
    let reason = "the tool failed and gave no reason";
    assert_eq!(answer(Dialect::OpenaiChat, silent.clone())["content"], format!("error: {reason}"));
    assert_eq!(answer(Dialect::OpenaiResponses, silent.clone())["output"], format!("error: {reason}"));
    assert_eq!(answer(Dialect::Anthropic, silent.clone())["content"], json!([{"type": "text", "text": reason}]));
    assert_eq!(answer(Dialect::Gemini, silent)["functionResponse"]["response"], json!({"error": reason}));
}

#[test]
fn images_are_images_where_results_may_have_them() {
    let result = json!({"content": [
        {"type": "text", "text": "a"},
        {"type": "image", "mimeType": "image/png", "data": "aGk="},
        {"type": "image", "mimeType": "image/jpg", "data": "aGk="},
        {"type": "image", "mimeType": "image/tiff", "data": "aGk="},
        {"type": "image", "mimeType": "image/png", "data": "data:image/png;base64,aGk="},
    ]});
    let notes = ["[image image/tiff, 4 bytes of base64]", "[image image/png, 26 bytes of base64]"];
    assert_eq!(
        answer(Dialect::Anthropic, result.clone())["content"],
        json!([
            {"type": "text", "text": "a"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "aGk="}},
            {"type": "text", "text": notes[0]},
            {"type": "text", "text": notes[1]},
        ])
    );
    assert_eq!(
        answer(Dialect::OpenaiResponses, result.clone())["output"],
        json!([
            {"type": "input_text", "text": "a"},
            {"type": "input_image", "image_url": "data:image/png;base64,aGk="},
            {"type": "input_image", "image_url": "data:image/jpeg;base64,aGk="},
            {"type": "input_text", "text": notes[0]},
            {"type": "input_text", "text": notes[1]},
        ])
    );
    let text = format!(
        "a\n[image image/png, 4 bytes of base64]\n[image image/jpeg, 4 bytes of base64]\n{}\n{}",
        notes[0], notes[1]
    );
    assert_eq!(answer(Dialect::OpenaiChat, result.clone())["content"], text);
    assert_eq!(answer(Dialect::Gemini, result)["functionResponse"]["response"]["output"], text);
    let failed = json!({"isError": true, "content": [{"type": "image", "mimeType": "image/png", "data": "aGk="}]});
    assert_eq!(answer(Dialect::OpenaiResponses, failed)["output"][0]["text"], "error: see the image");
}

#[test]
fn everything_else_is_a_note() {
    let result = json!({"content": [
        {"type": "audio", "mimeType": "audio/wav", "data": "AAAA"},
        {"type": "audio"},
        {"type": "resource_link", "name": "report", "uri": "file:///r.pdf"},
        {"type": "resource", "resource": {"uri": "file:///a.txt", "mimeType": "text/plain", "text": "hello"}},
        {"type": "resource", "resource": {"uri": "file:///a.bin", "mimeType": "application/zip", "blob": "AAAAAAAA"}},
        {"type": "resource"},
        {"type": "hologram", "x": 1},
        7,
    ]});
    insta::assert_snapshot!(answer(Dialect::OpenaiChat, result)["content"].as_str().unwrap(), @r#"
    [audio audio/wav, 4 bytes of base64]
    [audio 0 bytes of base64]
    [resource report, file:///r.pdf]
    [resource file:///a.txt]
    hello
    [resource file:///a.bin, application/zip, 8 bytes of base64]
    [resource]
    {"type":"hologram","x":1}
    7
    "#);
}

#[test]
fn structured_content_is_read_where_there_is_nothing_else() {
    let structured = json!({"time": "09:00"});
    let only = json!({"content": [], "structuredContent": structured});
    assert_eq!(answer(Dialect::OpenaiChat, only.clone())["content"], r#"{"time":"09:00"}"#);
    assert_eq!(answer(Dialect::OpenaiResponses, only.clone())["output"], r#"{"time":"09:00"}"#);
    let text = json!([{"type": "text", "text": r#"{"time":"09:00"}"#}]);
    assert_eq!(answer(Dialect::Anthropic, only)["content"], text);
    let both = json!({"content": [{"type": "text", "text": "nine"}], "structuredContent": structured});
    assert_eq!(answer(Dialect::OpenaiChat, both.clone())["content"], "nine");
    assert_eq!(answer(Dialect::Gemini, both)["functionResponse"]["response"], json!({"output": structured}));
}

#[test]
fn an_empty_result_is_an_empty_answer() {
    for result in [json!({}), json!({"content": []}), json!({"content": [{"type": "text", "text": ""}]}), Value::Null] {
        assert_eq!(answer(Dialect::OpenaiChat, result.clone())["content"], "");
        assert_eq!(answer(Dialect::OpenaiResponses, result.clone())["output"], "");
        assert_eq!(answer(Dialect::Anthropic, result.clone())["content"], json!([]));
        assert_eq!(answer(Dialect::Gemini, result)["functionResponse"]["response"], json!({"output": ""}));
    }
}

#[test]
fn a_call_without_an_id_is_answered_without_one() {
    for dialect in Dialect::ALL {
        let set = set(dialect, &[tool("x", json!({"type": "object"}))]);
        let answer = set.answer(&ToolCall::new(None, "x", json!({})), &json!({})).to_string();
        assert!(!answer.contains("id\""), "{answer}");
    }
}
