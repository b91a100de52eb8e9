//! Which rows become documents, and which of their vectors are kept.

use crate::{Case, columns};

const TEN: &str = "text,n,lang\nt0,0,en\nt1,1,de\nt2,2,en\nt3,3,de\nt4,4,\nt0,5,en\nt6,6,de\nt2,7,en\nt0,8,de\nt9,9,en\n";

#[test]
fn a_predicate_keeps_rows() {
    let rows = |predicate: &str| {
        let case = Case::new("a.csv", TEN)
            .text(&["text"])
            .with(|o| o.r#where = Some(predicate.to_owned()));
        let (report, documents) = case.read();
        assert_eq!(report.filtered, 10 - documents.len());
        documents.source_row.clone()
    };
    assert_eq!(rows("n >= 7"), [7, 8, 9]);
    assert_eq!(rows("lang = 'de' AND n BETWEEN 1 AND 6"), [1, 3, 6]);
    assert_eq!(rows("text IN ('t1', 't3') OR lang IS NULL"), [1, 3, 4]);
    assert_eq!(rows("text LIKE '%9' OR n % 4 = 0"), [0, 4, 8, 9]);
    assert_eq!(
        rows("lang != 'en'"),
        [1, 3, 6, 8],
        "what is null does not hold"
    );
    assert_eq!(rows("1 = 1").len(), 10);
    assert_eq!(rows("n > (1 + 4) * 1.25"), [7, 8, 9]);
}

#[test]
fn an_invalid_condition_is_explained() {
    let fails = |predicate: &str| {
        Case::new("a.csv", TEN)
            .text(&["text"])
            .with(|o| o.r#where = Some(predicate.to_owned()))
            .fails()
    };
    let (error, hint) = fails("m > 3");
    assert!(
        error.contains("no column `m`") && error.contains("text, n, lang"),
        "{error}"
    );
    assert!(hint.contains("--where"), "{hint}");
    let (_, hint) = fails("langg = 'de'");
    assert!(hint.contains("lang"), "{hint}");
    for wrong in [
        "",
        "n >",
        "n + 1",
        "SELECT 1",
        "n > 'x' > 2",
        "text = \"t1",
        "nofunction(n)",
        "; DROP TABLE x",
    ] {
        let (error, hint) = fails(wrong);
        assert!(
            error.contains("the condition") || error.contains("no column"),
            "{wrong}: {error}"
        );
        assert!(!hint.is_empty());
    }
}

#[test]
fn duplicates_are_counted_always_and_collapsed_on_request() {
    let (report, documents) = Case::new("a.csv", TEN).text(&["text"]).read();
    assert_eq!((report.duplicates, documents.len()), (3, 10));
    assert_eq!(documents.copies, None);

    let case = Case::new("a.csv", TEN)
        .text(&["text"])
        .with(|o| o.dedup = true);
    let (report, documents) = case.read();
    assert_eq!((report.duplicates, documents.len()), (3, 7));
    assert_eq!(documents.source_row, [0, 1, 2, 3, 4, 6, 9]);
    assert_eq!(
        documents.copies.as_deref(),
        Some([3, 1, 2, 1, 1, 1, 1].as_slice())
    );
    let duplicates = case.duplicates();
    assert_eq!(
        (duplicates.source_row.as_slice(), duplicates.id.as_slice()),
        ([5, 7, 8].as_slice(), [0, 2, 0].as_slice())
    );
}

#[test]
fn a_limit_takes_the_first_rows_and_a_sample_random_ones() {
    let (report, documents) = Case::new("a.csv", TEN)
        .text(&["text"])
        .with(|o| o.limit = Some(4))
        .read();
    assert_eq!(
        (documents.source_row.clone(), report.not_drawn),
        (vec![0, 1, 2, 3], 6)
    );
    let draw = || {
        Case::new("a.csv", TEN)
            .text(&["text"])
            .with(|o| o.sample = Some(5))
            .read()
            .1
            .source_row
            .clone()
    };
    let drawn = draw();
    assert_eq!(drawn.len(), 5);
    assert!(drawn.is_sorted());
    assert_eq!(drawn, draw());
    let both = Case::new("a.csv", TEN)
        .text(&["text"])
        .with(|o| (o.sample, o.limit) = (Some(5), Some(3)))
        .read()
        .1;
    assert_eq!(both.source_row, drawn[..3]);
    // Every row is in one count.
    let (report, documents) = Case::new("a.csv", TEN)
        .text(&["text"])
        .with(|o| (o.dedup, o.limit) = (true, Some(3)))
        .read();
    assert_eq!(
        (documents.len(), report.duplicates, report.not_drawn),
        (3, 3, 4)
    );
    // Collapsed rows are drawn once, and duplicates of rows that were not drawn are not listed.
    let case = Case::new("a.csv", TEN)
        .text(&["text"])
        .with(|o| (o.dedup, o.sample) = (true, Some(3)));
    let (report, documents) = case.read();
    let copies: i32 = documents.copies.as_ref().unwrap().iter().sum();
    assert_eq!(copies as usize - documents.len(), report.duplicates);
    assert_eq!(case.duplicates().id.len(), report.duplicates);
}

#[test]
fn columns_can_be_selected() {
    let (_, documents) = Case::new("a.csv", TEN)
        .text(&["text"])
        .with(|o| o.columns = vec!["n".to_owned()])
        .read();
    assert_eq!(columns(&documents), ["n (Int64)"]);
}

#[test]
fn vectors_are_taken_from_a_column() {
    let content = "text,v\na,\"[1, 2, 3]\"\n,\"[7, 8, 9]\"\nb,[4 5 6]\nc,\"[0.5,-1e-2,0]\"\n";
    let case = Case::new("a.csv", content).with(|o| o.vectors = Some("v".to_owned()));
    let (report, documents) = case.read();
    let embeddings = case.embeddings();
    assert_eq!(
        (report.dimensions, documents.len(), embeddings.len()),
        (Some(3), 3, 3)
    );
    assert_eq!(
        embeddings.values(),
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.5, -0.01, 0.0]
    );
    assert!(columns(&documents).is_empty());
    let json = "{\"text\": \"a\", \"v\": [1, 2]}\n{\"text\": \"b\", \"v\": [3, 4.5]}\n{\"text\": \"c\", \"v\": [0, 0]}\n";
    let case = Case::new("a.jsonl", json).with(|o| o.vectors = Some("v".to_owned()));
    case.read();
    assert_eq!(case.embeddings().values(), [1.0, 2.0, 3.0, 4.5, 0.0, 0.0]);
}

#[test]
fn invalid_vectors_name_their_row() {
    for (cell, words) in [
        ("\"[1, 2]\"", "2 values, but the first one has 3"),
        ("", "no vector"),
        ("\"[1, 2, NaN]\"", "not a finite"),
        ("\"[1, 2, x]\"", "not a number"),
        ("word", "not a list of numbers"),
    ] {
        let content = format!("text,v\na,\"[1, 2, 3]\"\n,\nb,{cell}\nc,\"[1, 2, 3]\"\n");
        let (error, _) = Case::new("a.csv", content)
            .with(|o| o.vectors = Some("v".to_owned()))
            .fails();
        assert!(
            error.contains("row 2 of the source") && error.contains(words),
            "{error}"
        );
    }
    let (error, _) = Case::new("a.csv", TEN)
        .with(|o| o.vectors = Some("n".to_owned()))
        .fails();
    assert!(
        error.contains("not a list of numbers") || error.contains("not vectors"),
        "{error}"
    );
    let (error, hint) = Case::new("a.csv", TEN)
        .with(|o| o.vectors = Some("m".to_owned()))
        .fails();
    assert!(
        error.contains("no column `m`") && hint.contains("--vectors"),
        "{error} {hint}"
    );
}

#[test]
fn unused_vector_columns_are_left_out_and_reported() {
    let vector: Vec<String> = (0..20).map(|i| i.to_string()).collect();
    let row = |text: &str| format!("{text},\"[{}]\"\n", vector.join(", "));
    let case = Case::new(
        "a.csv",
        format!("text,v\n{}{}{}", row("a"), row("b"), row("c")),
    );
    let (report, documents) = case.read();
    assert_eq!(report.left_out, ["v"]);
    assert!(columns(&documents).is_empty() && case.reports("--vectors v"));
}

#[test]
fn a_text_column_with_leading_nulls_is_found_by_name() {
    let mut content = "title,description\n".to_owned();
    for row in 0..1_500 {
        let description = if row < 1_200 { "" } else { "words" };
        content.push_str(&format!("a{row},{description}\n"));
    }
    let (report, documents) = Case::new("a.csv", content).read();
    assert_eq!(report.text, ["title", "description"]);
    assert_eq!(documents.text(1_300), "a1300\nwords");
}

#[test]
fn columns_that_differ_from_reserved_names_only_in_case_are_renamed() {
    let case = Case::new(
        "a.csv",
        "title,ID,Text,cluster_label,cluster_l0,Cluster_L12\na,1,x,u,v,w\nb,2,y,u,v,w\nc,3,z,u,v,w\n",
    )
    .text(&["title"]);
    let (_, documents) = case.read();
    let schema = documents.columns.schema();
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    assert_eq!(
        names,
        [
            "source_ID",
            "source_Text",
            "cluster_label",
            "source_cluster_l0",
            "source_Cluster_L12"
        ]
    );
}

#[test]
fn all_named_entities_are_decoded() {
    let case = Case::new("a.csv", "text\nFran&ccedil;ois\n&Eacute;tude #39;n\nc\n")
        .with(|o| o.decode_entities = true);
    assert_eq!(case.texts(), ["François", "Étude'n", "c"]);
}

#[test]
fn the_footer_counts_every_row_once() {
    let bad =
        "text,n,lang\nt0,0,en\nt0,5,en,fr\n,6,de\nt1,1,de\nt2,2,en\nt3,3,de\nt0,4,de\nt9,9,en\n";
    let case = Case::new("a.csv", bad).text(&["text"]).with(|o| {
        o.r#where = Some("n < 9".to_owned());
        o.on_bad_row = ingest::formats::OnBadRow::Skip;
        o.limit = Some(3);
    });
    let counts = |case: &Case| {
        let (report, documents) = case.read();
        let footer = documents.footer.as_ref().expect("our files have one");
        let intake = footer.facts::<artifacts::DocumentsFacts>().intake;
        let intake = intake.expect("every count is written");
        assert_eq!(intake, report.intake());
        let left_out: usize = intake.left_out().iter().map(|(_, rows)| rows).sum();
        assert_eq!(intake.documents + left_out, intake.rows);
        assert_eq!(documents.len(), intake.documents);
        intake
    };
    let expected = artifacts::Intake {
        rows: 8,
        documents: 3,
        bad: 1,
        filtered: 1,
        without_text: 1,
        not_drawn: 2,
        duplicates: 0,
        collapsed: false,
    };
    assert_eq!(counts(&case), expected);
    let case = case.with(|o| o.dedup = true);
    let expected = artifacts::Intake {
        not_drawn: 1,
        duplicates: 1,
        collapsed: true,
        ..expected
    };
    assert_eq!(counts(&case), expected);
    let case = case.with(|o| (o.dedup, o.limit) = (false, None));
    let expected = artifacts::Intake {
        documents: 5,
        not_drawn: 0,
        duplicates: 1,
        collapsed: false,
        ..expected
    };
    assert_eq!(counts(&case), expected);
}
