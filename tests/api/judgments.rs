//! Judgments: filters, order, pages, export, one by one.

use contract::{JudgmentDetail, JudgmentFacets, JudgmentPage, JudgmentRow, Queued};
use policy::study::Verdict;
use policy::tier::Tier;
use serde_json::json;

use crate::support::{Client, Firm, Judgment, TestApp};

async fn firm(app: &TestApp) -> Firm {
    let firm = app.firm("firm").await;
    for judgment in [
        Judgment {
            case_number: "CV-001/23",
            defendant: "Anna 100% Smith",
            county: "Kings",
            score: Some("79.6"),
            balance: Some("49999.99"),
            signals: 0b0011,
            ..Default::default()
        },
        Judgment {
            case_number: "CV-002/23",
            defendant: "Bob_Jones",
            county: "Queens",
            score: None,
            balance: Some("100.00"),
            signals: 0,
            ..Default::default()
        },
        Judgment {
            case_number: "LT-003/24",
            defendant: "=HYPERLINK(\"x\")",
            county: "Kings",
            score: Some("35"),
            balance: None,
            signals: 0b1000,
            ..Default::default()
        },
        Judgment {
            case_number: "LT-004/24",
            defendant: "Dora",
            county: "Bronx",
            status: "satisfied",
            score: Some("90"),
            balance: Some("0.00"),
            signals: 0,
        },
        Judgment {
            case_number: "LT-005/24",
            defendant: "Eve",
            county: "Bronx",
            status: "in_progress",
            score: Some("60"),
            balance: Some("100.00"),
            signals: 0,
        },
    ] {
        firm.add(app, judgment).await;
    }
    firm
}

/// The last digit of the case numbers, in the order of the answer
async fn cases(client: &Client, query: &str) -> String {
    let page: JudgmentPage = client.get(&format!("/api/judgments?{query}")).await.json();
    assert_eq!(page.total, page.rows.len() as u64, "{query}");
    page.rows.iter().filter_map(|row| row.case_number.chars().nth(5)).collect()
}

#[tokio::test]
async fn filters_let_through_what_they_say() {
    let app = TestApp::new().await;
    let viewer = firm(&app).await.viewer;
    app.execute(
        "update public.core_judgments set tier = 2, tier_reason = 'x', tier_as_of = now(), tier_policy_revision = 1
          where case_number = 'CV-001/23'",
    )
    .await;
    app.execute(
        "update public.core_judgments set tier = 0, tier_reason = 'x', tier_as_of = now() - interval '2 days', tier_policy_revision = 1
          where case_number in ('CV-002/23', 'LT-004/24')",
    )
    .await;
    let by_no = |query: &str| format!("{query}&sort=judgment_no");
    for (query, expected) in [
        ("", "12345"),
        ("search=", "12345"),
        ("search=smith", "1"),
        ("search=100%25", "1"),
        ("search=b_j", "2"),
        ("search=lt003", "3"),
        ("search=LT-00", "345"),
        ("search=ace%20fund", "12345"),
        ("search=nobody", ""),
        ("tier=2", "1"),
        ("tier=0,2", "124"),
        ("tier=none", "35"),
        ("tier=none,2", "135"),
        ("status=active", "1235"),
        ("status=satisfied,in_progress", "45"),
        ("county=Kings", "13"),
        ("balance_min=100", "125"),
        ("balance_max=100.00", "245"),
        ("balance_min=0&balance_max=0", "4"),
        ("score_min=60&score_max=79.6", "15"),
        ("asset=any", "13"),
        ("asset=none", "245"),
        ("asset=vehicle_lead", "3"),
        ("asset=bank_name", "1"),
        ("coverage=today", "1"),
        ("coverage=stale", "2"),
        ("coverage=never", "35"),
        ("status=active&county=Kings&asset=vehicle_lead", "3"),
    ] {
        assert_eq!(cases(&viewer, &by_no(query)).await, expected, "{query}");
    }
}

#[tokio::test]
async fn every_order_is_total_and_puts_what_is_missing_last() {
    let app = TestApp::new().await;
    let viewer = firm(&app).await.viewer;
    for (sort, expected) in [
        ("", "12543"),
        ("-balance", "12543"),
        ("balance", "42513"),
        ("score", "35142"),
        ("-score", "41532"),
        ("case_number", "12345"),
        ("-case_number", "54321"),
        ("county", "45132"),
        ("plaintiff", "12345"),
        ("tier", "12345"),
        ("status", "54123"),
        ("judgment_date", "12345"),
        ("tier_as_of", "12345"),
        ("-judgment_no", "54321"),
    ] {
        assert_eq!(cases(&viewer, &format!("sort={sort}")).await, expected, "{sort}");
    }
}

#[tokio::test]
async fn pages_cut_the_whole_and_total_it() {
    let app = TestApp::new().await;
    let viewer = firm(&app).await.viewer;
    let page: JudgmentPage = viewer.get("/api/judgments?sort=judgment_no&offset=1&limit=2").await.json();
    assert_eq!((page.total, page.total_balance.as_str()), (5, "50199.99"));
    let numbers: Vec<&str> = page.rows.iter().map(|row| row.case_number.as_str()).collect();
    assert_eq!(numbers, ["CV-002/23", "LT-003/24"]);
    let behind: JudgmentPage = viewer.get("/api/judgments?offset=99").await.json();
    assert_eq!((behind.total, behind.rows.len()), (5, 0));
}

#[tokio::test]
async fn a_query_that_means_nothing_is_refused_with_its_field() {
    let app = TestApp::new().await;
    let viewer = firm(&app).await.viewer;
    for (query, field) in [
        ("tier=4", "tier"),
        ("status=open", "status"),
        ("sort=id", "sort"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("balance_min=-1", "balance_min"),
        ("score_max=100.001", "score_max"),
        ("asset=boat", "asset"),
        ("coverage=sometimes", "coverage"),
        ("search=%00", "search"),
    ] {
        for path in ["/api/judgments", "/api/judgments.csv"] {
            let problem = viewer.get(&format!("{path}?{query}")).await.refused(422, "invalid");
            assert_eq!(problem.field.as_deref(), Some(field), "{query}");
        }
    }
    viewer.get("/api/judgments?limit=many").await.refused(422, "invalid");
    viewer.get("/api/judgments?search='%20or%20true%20--").await.ok();
}

#[tokio::test]
async fn the_export_has_every_row_and_no_formula() {
    let app = TestApp::new().await;
    let firm = firm(&app).await;
    let answer = firm.viewer.get("/api/judgments.csv?sort=judgment_no&limit=1&county=Kings").await.ok();
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"judgments.csv\"");
    let text = answer.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("judgment_no,case_number,plaintiff_name,defendant_name,"));
    assert!(lines[1].contains(
        "CV-001/23,Ace Funding,Anna 100% Smith,,Kings,,,30000.00,49999.99,79.6,employer_name bank_name,"
    ));
    assert!(lines[2].contains("\"'=HYPERLINK(\"\"x\"\")\""), "{}", lines[2]);

    firm.add_many(&app, 1234).await;
    let all = firm.viewer.get("/api/judgments.csv").await.ok().text();
    assert_eq!(all.lines().count(), 1 + 5 + 1234);
}

#[tokio::test]
async fn facets_offer_what_there_is() {
    let app = TestApp::new().await;
    let facets: JudgmentFacets = firm(&app).await.viewer.get("/api/judgments/facets").await.json();
    assert_eq!(facets.counties, ["Bronx", "Kings", "Queens"]);
    assert_eq!(facets.statuses.len(), 5);
}

#[tokio::test]
async fn a_judgment_shows_its_facts_its_outcome_and_its_history() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let id = firm
        .add(
            &app,
            Judgment { score: Some("79.60"), balance: Some("60000"), signals: 0, ..Default::default() },
        )
        .await;
    app.execute(&format!("insert into public.debtor_intelligence (judgment_id, org_id, employer_name) values ('{id}', '{}', 'Acme Corp')", firm.id)).await;
    app.execute(&format!("insert into public.enforcement_cases (org_id, judgment_id, tier, tier_override, override_expires_at, override_note, created_by)
                          values ('{}', '{id}', 'tier2', 'tier3', now() + interval '1 day', 'a hunch', 'a test')", firm.id)).await;

    let detail: JudgmentDetail = firm.viewer.get(&format!("/api/judgments/{id}")).await.json();
    assert_eq!(detail.judgment.collectability_score.as_deref(), Some("79.6"));
    assert_eq!(detail.judgment.balance_due.as_deref(), Some("60000.00"));
    assert_eq!(detail.judgment.asset_signals, ["employer_name"]);
    assert_eq!(detail.signals.employer_name.as_deref(), Some("Acme Corp"));
    let outcome = detail.outcome.expect("it is active");
    assert_eq!((outcome.tier, outcome.policy_revision), (Tier::ActiveEnforcement, Some(1)));
    assert_eq!(outcome.reason, "collectability_score=79.6 in [60,80)");
    let why = detail.why.expect("it is active");
    let first = &why.arms[0];
    assert_eq!((first.rule.as_str(), first.verdict), ("t3", Verdict::Fails));
    assert_eq!(first.conditions[0].words, "score 79.6 is not 80 or more: 0.4 short");
    assert_eq!(why.arms.iter().filter(|arm| arm.verdict == Verdict::Decides).count(), 1);
    let to_tier_3 = why.nearest.iter().find(|nearest| nearest.tier == Tier::StrategicPriority).unwrap();
    assert_eq!(to_tier_3.changes[0], "score up by 0.4 to 80");
    let case = detail.open_case.expect("it has a case");
    assert_eq!((case.tier.as_deref(), case.effective_tier), (Some("tier2"), Some(Tier::StrategicPriority)));
    assert_eq!(case.override_note.as_deref(), Some("a hunch"));
    assert_eq!(detail.facts.len(), 2);
    assert_eq!((detail.facts[0].asset_signals.len(), detail.facts[1].asset_signals.len()), (1, 0));
    assert_eq!(detail.assignments, []);

    // One that has run out is none, also before a night has cleared it.
    app.execute("update public.enforcement_cases set override_expires_at = now() - interval '1 minute'")
        .await;
    let detail: JudgmentDetail = firm.viewer.get(&format!("/api/judgments/{id}")).await.json();
    let case = detail.open_case.expect("it has a case");
    assert_eq!((case.tier_override, case.override_note, case.override_expires_at), (None, None, None));
    assert_eq!(case.effective_tier, Some(Tier::ActiveEnforcement));
}

#[tokio::test]
async fn a_judgment_is_retiered_once_however_often_it_is_asked_for() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let id = firm.add(&app, Judgment::default()).await;
    let path = format!("/api/judgments/{id}");
    assert!(!firm.viewer.get(&path).await.json::<JudgmentDetail>().retier_queued);
    let first: Queued = firm.operator.order(&format!("{path}/retier")).await.json();
    let second: Queued = firm.operator.order(&format!("{path}/retier")).await.json();
    assert_eq!(first, second);
    assert!(firm.viewer.get(&path).await.json::<JudgmentDetail>().retier_queued);
    assert_eq!(app.number("select count(*) from pgmq.q_tier_assignment").await, 1);

    let closed = firm.add(&app, Judgment { status: "vacated", ..Default::default() }).await;
    firm.operator.order(&format!("/api/judgments/{closed}/retier")).await.refused(409, "conflict");
}

#[tokio::test]
async fn numbers_of_the_snapshot_have_names() {
    let app = TestApp::new().await;
    let firm = firm(&app).await;
    let page: JudgmentPage = firm.viewer.get("/api/judgments?sort=judgment_no").await.json();
    let numbers = [page.rows[2].judgment_no, page.rows[0].judgment_no, 1 << 60];
    let named: Vec<JudgmentRow> =
        firm.viewer.post("/api/judgments/by-no", json!({ "judgment_nos": numbers })).await.json();
    assert_eq!(named, [page.rows[0].clone(), page.rows[2].clone()]);
    let many: Vec<u64> = (0..501).collect();
    let problem = firm
        .viewer
        .post("/api/judgments/by-no", json!({ "judgment_nos": many }))
        .await
        .refused(422, "invalid");
    assert_eq!(problem.field.as_deref(), Some("judgment_nos"));
}
