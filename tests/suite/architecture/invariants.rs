//! The table of invariants in docs/architecture.md names tests that exist.

use crate::fixtures::repository;

#[test]
fn every_invariant_names_tests_that_exist() {
    let document = std::fs::read_to_string(repository("docs/architecture.md")).unwrap();
    let (_, section) = document.split_once("\n## Invariants\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section
        .lines()
        .filter_map(|line| line.strip_prefix("| "))
        .filter(|row| row.starts_with(|c: char| c.is_ascii_digit()));
    let mut numbers = 0;
    for row in rows {
        numbers += 1;
        let (number, _) = row.split_once(' ').unwrap();
        assert_eq!(number, numbers.to_string(), "{row}");
        // [`name`](../path)
        let links: Vec<_> = row.split("[`").skip(1).collect();
        assert!(!links.is_empty(), "no test for invariant {number}");
        for link in links {
            let (name, path) = link.split_once("`](../").unwrap();
            let path = path.split(')').next().unwrap();
            let source = std::fs::read_to_string(repository(path)).unwrap();
            let definition = format!("fn {name}(");
            assert!(
                source.contains(&definition),
                "{path} has no test {name} (invariant {number})"
            );
        }
    }
    assert!(numbers >= 9, "only {numbers} invariants");
}
