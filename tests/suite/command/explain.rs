//! `wolfgang explain` as a process: the page, the table, the colours and the JSON.

use crate::command::generate::PROMPT;
use crate::fixtures::{faust, wolfgang};
use serde_json::Value as Json;
use std::process::Output;
use wolfgang_explain::{ExplainError, ExplainReport, Language};
use wolfgang_generate::GenerateOptions;

const SEED: [&str; 4] = ["--seed", "3", "--max-new-tokens", "24"];

fn explain(args: &[&str]) -> Output {
    wolfgang().arg("explain").args(args).output().unwrap()
}

fn stdout(args: &[&str]) -> String {
    let output = explain(args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""));
    String::from_utf8(output.stdout).unwrap()
}

fn json(args: &[&str]) -> Json {
    serde_json::from_str(&stdout(&[args, &["--json"]].concat())).unwrap()
}

/// The page for these arguments.
fn page(args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    let told = stdout(&[args, &["--quiet", "--html", file.to_str().unwrap()]].concat());
    assert_eq!(told, "");
    std::fs::read_to_string(file).unwrap()
}

/// The text is that of `generate`, and each draw selected the id of its token.
#[test]
fn json_has_the_text_of_generate() {
    let told = json(&[&[PROMPT][..], &SEED, &["--alternatives", "3"]].concat());
    let args = [&["generate", PROMPT][..], &SEED, &["--json"]].concat();
    let generated = wolfgang().args(args).output().unwrap().stdout;
    let last = String::from_utf8(generated).unwrap();
    let finished: Json = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    for field in [
        "text",
        "seed",
        "reason",
        "prompt_tokens",
        "generated_tokens",
    ] {
        assert_eq!(told[field], finished[field], "{field}");
    }
    let tokens = told["tokens"].as_array().unwrap();
    let ids: Vec<_> = tokens.iter().map(|token| token["id"].clone()).collect();
    assert_eq!(Json::from(ids), finished["ids"]);
    let text: String = tokens.iter().filter_map(|t| t["text"].as_str()).collect();
    assert_eq!(text, told["text"]);
    for token in tokens {
        assert_eq!(token["candidates"].as_array().unwrap().len(), 3);
        let steps = token["steps"].as_array().unwrap();
        let names: Vec<_> = steps.iter().map(|s| s["step"].as_str().unwrap()).collect();
        assert_eq!(
            names,
            ["temperature", "repetition_penalty", "top_k", "top_p"]
        );
        assert_eq!(steps[0]["possible_before"], 4096);
        assert!(steps[3]["possible_after"].as_u64() <= Some(40));
        let draw = &token["draw"];
        let u = draw["u"].as_f64().unwrap();
        let mut shares = draw["intervals"].as_array().unwrap().iter();
        let own = shares.find(|share| share["id"] == token["id"]).unwrap();
        assert!(own["from"].as_f64().unwrap() <= u && u <= own["to"].as_f64().unwrap());
    }
}

#[test]
fn the_token_that_ended_the_text_is_explained() {
    let free = json(&[&[PROMPT][..], &SEED].concat());
    let id = free["tokens"][5]["id"].to_string();
    let told = json(&[&[PROMPT][..], &SEED, &["--stop-token", &id]].concat());
    let tokens = told["tokens"].as_array().unwrap();
    let last = tokens.last().unwrap();
    assert_eq!((last["id"].to_string(), &last["ends"]), (id, &true.into()));
    assert_eq!(
        told["generated_tokens"].as_u64(),
        Some(tokens.len() as u64 - 1)
    );
}

#[test]
fn output_without_json_is_a_table_or_coloured_text() {
    let args = [&[PROMPT][..], &SEED].concat();
    let table = stdout(&args);
    assert!(!table.contains('\x1b'), "{table}");
    // A header, a line for each token, and one of facts behind a gap.
    assert_eq!(table.lines().count(), 1 + 24 + 2, "{table}");
    assert!(table.contains("top-k 40: 4056"), "{table}");
    let german = stdout(&[&args[..], &["--lang", "de"]].concat());
    assert!(german.contains("ausgeschlossen"), "{german}");

    let text = stdout(&[&args[..], &["--color", "always"]].concat());
    let mut plain = String::new();
    for (i, part) in text.split('\x1b').enumerate() {
        let style = if i == 0 {
            0
        } else {
            part.find('m').unwrap() + 1
        };
        plain.push_str(&part[style..]);
    }
    let expected = json(&args)["text"].as_str().unwrap().to_owned();
    let shown = plain.replace('⏎', "");
    assert!(
        shown.starts_with(&format!("{PROMPT}{expected}\n")),
        "{shown}"
    );
    assert!(shown.contains("≥\u{a0}90%"), "a legend: {shown}");
}

#[test]
fn a_file_is_replaced_only_with_force() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    std::fs::write(&file, "mine").unwrap();
    let path = file.to_str().unwrap();
    let args = [&[PROMPT][..], &SEED, &["--html", path]].concat();
    let output = explain(&args);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("already exists") && told.contains("--force"),
        "{told}"
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    let output = explain(&[&args[..], &["--force"]].concat());
    assert_eq!(output.status.code(), Some(0));
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .starts_with("<!DOCTYPE html>")
    );
    let beside = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(beside, 1, "nothing half made is left");
    for nowhere in [folder.path().join("no/page.html"), folder.path().into()] {
        let args = [PROMPT, "--max-new-tokens", "1", "--force", "--html"];
        let output = explain(&[&args[..], &[nowhere.to_str().unwrap()]].concat());
        assert_eq!(output.status.code(), Some(1), "{}", nowhere.display());
    }
}

/// Names and attributes of every tag, once the page is known to close what it opens, in order.
fn tags(page: &str) -> Vec<(String, String)> {
    let void = ["meta", "!DOCTYPE"];
    let (mut open, mut tags) = (Vec::<String>::new(), Vec::new());
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = rest.find('>').unwrap();
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        assert!(!tag.contains('<'), "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
            continue;
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        tags.push((name.to_owned(), attributes.to_owned()));
        if ["script", "style"].contains(&name) {
            // No tag begins in there but the one that ends it.
            rest = &rest[rest.find(&format!("</{name}>")).unwrap()..];
        }
        if !void.contains(&name) {
            open.push(name.to_owned());
        }
    }
    assert_eq!(open, [""; 0], "left open");
    tags
}

const HOSTILE: &str = "Habe <script>alert(1)</script> & <!-- \"'></title><b onclick=x>";

#[test]
fn the_page_is_well_formed_and_loads_nothing() {
    for prompt in [PROMPT, HOSTILE] {
        let page = page(&[&[prompt][..], &SEED].concat());
        let tags = tags(&page);
        let count = |name: &str| tags.iter().filter(|(tag, _)| tag == name).count();
        assert_eq!((count("script"), count("style"), count("b")), (2, 1, 0));
        for (name, attributes) in &tags {
            let known = [
                "html", "head", "meta", "title", "style", "body", "main", "header", "h1",
            ];
            let more = [
                "p", "div", "article", "span", "ul", "li", "aside", "noscript", "details",
            ];
            let table = [
                "summary", "table", "thead", "tbody", "tr", "th", "td", "script", "!DOCTYPE",
            ];
            let allowed = [known, more, table].concat();
            assert!(allowed.contains(&name.as_str()), "<{name}>");
            for loads in ["src=", "href=", "style=", " on"] {
                let attributes = format!(" {attributes}");
                assert!(
                    !attributes.contains(loads) || attributes.contains("default-src 'none'"),
                    "{attributes}"
                );
            }
        }
        for reference in ["http:", "https:", "//", "url(", "@import"] {
            // A comment of the script is no reference.
            let lines = page
                .lines()
                .filter(|line| !line.trim_start().starts_with("// "));
            let found: Vec<_> = lines.filter(|line| line.contains(reference)).collect();
            assert_eq!(found, [""; 0], "{reference}");
        }
        assert!(page.contains("default-src 'none'; style-src 'sha256-"));
    }
}

#[test]
fn prompts_are_escaped_in_the_page() {
    let page = page(&[&[HOSTILE][..], &SEED].concat());
    assert!(!page.contains("<script>alert"), "as markup");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; "));
    let data = page.split_once("<script id=\"data\" type=\"application/json\">");
    let (data, _) = data.unwrap().1.split_once("</script>").unwrap();
    let data: Json = serde_json::from_str(data).unwrap();
    assert_eq!(data["tokens"].as_array().unwrap().len(), 24);
}

#[test]
fn generated_text_is_escaped_in_the_page() {
    let ids = faust().tokenizer().encode("</script>").unwrap();
    let allowed: Vec<String> = ids.iter().map(u32::to_string).collect();
    let mut args = vec![
        PROMPT,
        "--seed",
        "1",
        "--temperature",
        "50",
        "--max-new-tokens",
        "60",
    ];
    for id in &allowed {
        args.extend(["--allow-token", id]);
    }
    let page = page(&args);
    assert_eq!(
        tags(&page)
            .iter()
            .filter(|(tag, _)| tag == "script")
            .count(),
        2
    );
    assert!(page.contains("\\u003c") && page.contains("&lt;"));
}

#[test]
fn incomplete_characters_are_shown_as_bytes() {
    let tokenizer = faust().tokenizer();
    let byte = |wanted: u8| {
        let mut ids = 0..tokenizer.vocab_size() as u32;
        ids.find(|id| tokenizer.token_bytes(*id) == Some(&[wanted]))
            .unwrap()
    };
    let (first, second) = (byte(0xc3), byte(0xa4));
    let allowed = [first.to_string(), second.to_string()];
    let args = [
        PROMPT,
        "--seed",
        "2",
        "--max-new-tokens",
        "12",
        "--temperature",
        "20",
        "--allow-token",
        &allowed[0],
        "--allow-token",
        &allowed[1],
    ];
    let told = json(&args);
    let tokens = told["tokens"].as_array().unwrap();
    let halves = tokens.iter().filter(|token| token["id"] == first);
    for half in halves.clone() {
        assert_eq!(
            (&half["bytes"], &half["token"]),
            (&[0xc3].into(), &"\u{fffd}".into())
        );
    }
    assert!(halves.count() > 0 && tokens.iter().any(|token| token["text"] == "ä"));
    let page = page(&args);
    assert!(page.contains("<span class=\"mark\">C3</span>"));
    assert!(page.contains("„C3“") || page.contains("“C3”"));
}

#[test]
fn lang_selects_the_language_of_the_page_but_not_of_the_generated_text() {
    for (language, title) in [
        ("de", "Wie dieser Text entstand"),
        ("en", "How this text came about"),
    ] {
        let page = page(&[&[PROMPT, "--lang", language][..], &SEED].concat());
        assert!(page.contains(&format!("<html lang=\"{language}\">")));
        assert!(page.contains(title));
        assert!(page.contains("<div class=\"text\" lang=\"de\">"));
        // One token is reached by Tab, the others from there.
        assert_eq!(page.matches("role=\"option\"").count(), 24);
        assert_eq!(
            page.matches("aria-selected=\"false\" tabindex=\"0\"")
                .count(),
            1
        );
    }
}

fn report(options: &GenerateOptions) -> Result<ExplainReport, ExplainError> {
    let summary = faust().generate_text(PROMPT, options).unwrap();
    ExplainReport::new(PROMPT, summary, &options.sampling, faust().tokenizer())
}

#[test]
fn a_summary_without_explanations_is_an_error_unless_there_are_no_tokens() {
    let options = GenerateOptions::default().with_seed(3);
    let error = report(&options.clone().with_max_new_tokens(2)).unwrap_err();
    assert!(
        matches!(
            error,
            ExplainError::MissingExplanations {
                found: 0,
                generated_tokens: 2
            }
        ),
        "{error}"
    );
    let empty = report(&options.with_max_new_tokens(0)).unwrap();
    assert!(empty.tokens.is_empty());
}

#[test]
fn the_summary_line_counts_one_token_in_the_singular() {
    let options = GenerateOptions::default().with_seed(3).with_explain(1);
    for (tokens, language, expected) in [
        (1, Language::En, "1 token, "),
        (2, Language::En, "2 tokens, "),
        (1, Language::De, "1 Token, "),
    ] {
        let report = report(&options.clone().with_max_new_tokens(tokens)).unwrap();
        let mut table = Vec::new();
        report.write_table(language, &mut table).unwrap();
        let table = String::from_utf8(table).unwrap();
        let line = table.lines().last().unwrap();
        assert!(line.starts_with(expected), "{line}");
    }
}
