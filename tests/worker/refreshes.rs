//! The set-based refresh: the crate's outcomes without the crate, in chunks that survive their worker.

use contract::RefreshState;
use db::refreshes::{self, Refresh};
use policy::portfolio::TierMigration;
use policy::sample;
use policy::tier::{JudgmentFacts, Tier, TierPolicy};
use rust_decimal::Decimal;
use worker::refresh;

use crate::support::{Firm, soak, some_facts};

async fn refresh(firm: &Firm) -> Refresh {
    refresh::refresh_now(&firm.db, firm.org_id, |_| {}).await.unwrap()
}

#[tokio::test]
async fn the_refresh_equals_the_crate_to_the_letter() {
    let firm = Firm::new().await;
    let revision_1 = TierPolicy::revision_1();
    let facts: Vec<JudgmentFacts> = revision_1.boundary_facts().collect();
    let ids = firm.add(&facts).await;
    refresh(&firm).await;
    firm.assert_tiered_by(&revision_1, &ids, &facts).await;

    let generated = (1..=3).map(|seed| TierPolicy::try_from(sample::policy_document(seed)).unwrap());
    for policy in [TierPolicy::monotone_draft()].into_iter().chain(generated) {
        firm.publish(&policy).await;
        refresh(&firm).await;
        firm.assert_tiered_by(&policy, &ids, &facts).await;
    }
}

#[tokio::test]
async fn the_compiled_expressions_equal_the_crate_on_both_sides_of_every_limit() {
    let firm = Firm::new().await;
    let policies =
        (0..40 * u64::from(soak())).map(|seed| TierPolicy::try_from(sample::policy_document(seed)).unwrap());
    for policy in [TierPolicy::revision_1(), TierPolicy::monotone_draft()].into_iter().chain(policies) {
        let facts: Vec<JudgmentFacts> = policy.boundary_facts().collect();
        let sql = policy.to_postgres();
        let outcomes: Vec<(i16, Option<String>, String)> = sqlx::query_as(&format!(
            "select ({})::smallint, ({}), ({})
               from (select n, score::numeric(5,2) as collectability_score, balance::numeric(14,2) as balance_due, asset_signals
                       from unnest($1::numeric[], $2::numeric[], $3::smallint[]) with ordinality u (score, balance, asset_signals, n)) f
              order by n",
            sql.tier, sql.decided_by, sql.reason
        ))
        .bind(facts.iter().map(|facts| facts.score.map(|score| score.to_decimal())).collect::<Vec<Option<Decimal>>>())
        .bind(facts.iter().map(|facts| facts.balance.map(|balance| balance.to_decimal())).collect::<Vec<Option<Decimal>>>())
        .bind(facts.iter().map(|facts| i16::from(facts.signals.bits())).collect::<Vec<_>>())
        .fetch_all(firm.owner())
        .await
        .unwrap();
        assert_eq!(outcomes.len(), facts.len());
        for (facts, found) in facts.iter().zip(outcomes) {
            let outcome = policy.evaluate(facts);
            let decided_by = outcome.decided_by.map(|place| format!("{}/{}", place.rule, place.arm));
            let expected = (i16::from(outcome.tier.number()), decided_by, outcome.reason);
            assert_eq!(found, expected, "{facts:?} under {}", policy.document().to_json());
        }
    }
}

#[tokio::test]
async fn the_refresh_writes_judgment_case_and_history() {
    let firm = Firm::new().await;
    let ids = firm.add(&[some_facts(); 2]).await;
    firm.execute("insert into public.enforcement_cases (org_id, judgment_id, created_by) select org_id, id, 'test' from public.core_judgments").await;
    firm.execute(&format!("update public.core_judgments set status = 'expired' where id = '{}'", ids[1]))
        .await;
    let run = refresh(&firm).await.run;
    assert_eq!((run.total, run.done), (1, 1), "closed judgments are left out");
    let rows = "select concat_ws(' ', a.source, a.new_tier, a.reason, c.tier, c.tier_reason, c.collectability_score, c.asset_flags)
                  from public.tier_assignments a join public.enforcement_cases c using (judgment_id)";
    assert_eq!(
        firm.texts(rows).await,
        ["refresh 2 collectability_score=65 in [60,80) tier2 collectability_score=65 in [60,80) 65.00 \
          {\"bank\": true, \"vehicle\": false, \"employer\": true, \"real_property\": false}"]
    );
    firm.execute("update public.core_judgments set tier_as_of = '2025-01-01' where tier is not null").await;
    refresh(&firm).await;
    assert_eq!(firm.number("select count(*) from public.tier_assignments").await, 1, "nothing changed");
    assert_eq!(
        firm.number("select count(*) from public.core_judgments where tier_as_of > '2025-01-02'").await,
        1
    );
}

#[tokio::test]
async fn a_refresh_goes_on_where_its_worker_was_interrupted() {
    let firm = Firm::new().await;
    let facts: Vec<JudgmentFacts> = (0..950).map(sample::facts).collect();
    let ids = firm.add(&facts).await;
    let (before, after) = (TierPolicy::revision_1(), TierPolicy::monotone_draft());
    firm.publish(&after).await;
    let mut tx = firm.begin().await;
    let begun = refreshes::newest(&mut tx).await.unwrap().unwrap();
    drop(tx);
    assert_eq!((begun.run.state, begun.run.total, begun.run.done), (RefreshState::Running, 950, 0));
    for done in [300, 600] {
        let refresh = refreshes::step(&firm.db, begun.id, 300).await.unwrap().unwrap();
        assert_eq!(
            (refresh.run.state, refresh.run.done, refresh.run.actual),
            (RefreshState::Running, done, None)
        );
    }
    // A worker that dies in the middle of a chunk leaves nothing of it.
    let mut tx = firm.begin().await;
    sqlx::query("select public.step_tier_refresh($1, 300)").bind(begun.id).execute(&mut *tx).await.unwrap();
    tx.rollback().await.unwrap();

    let (_stopper, stop) = worker::stop_channel();
    refresh::run_pending(&firm.db, &stop).await.unwrap();
    let mut tx = firm.begin().await;
    let ended = refreshes::find(&mut tx, begun.id).await.unwrap().unwrap();
    assert_eq!((ended.run.state, ended.run.total, ended.run.done), (RefreshState::Done, 950, 950));
    firm.assert_tiered_by(&after, &ids, &facts).await;
    assert_eq!(firm.number("select count(*) from public.tier_assignments").await, 950, "each once");

    let portfolio = db::portfolio::read(&mut tx).await.unwrap();
    let expected = TierMigration::between(&before.compile(), &after.compile(), &portfolio).matrix();
    assert_eq!(ended.run.actual, Some(expected));
    assert_eq!(ended.run.facts_moved, 0);
}

#[tokio::test]
async fn facts_that_move_before_the_refresh_are_counted() {
    let firm = Firm::new().await;
    firm.add(&[some_facts(); 5]).await;
    firm.publish(&TierPolicy::monotone_draft()).await;
    firm.execute("update public.core_judgments set balance_due = 1 where judgment_no <= 2").await;
    assert_eq!(refresh(&firm).await.run.facts_moved, 2);
}

#[tokio::test]
async fn a_refresh_waits_for_facts_in_change_and_tiers_by_the_new_ones() {
    let firm = Firm::new().await;
    let mut facts = vec![some_facts(); 4];
    let ids = firm.add(&facts).await;
    let mut change = firm.begin().await;
    sqlx::query("update public.core_judgments set collectability_score = 85 where judgment_no = 2")
        .execute(&mut *change)
        .await
        .unwrap();
    sqlx::query("update public.core_judgments set status = 'vacated' where judgment_no = 3")
        .execute(&mut *change)
        .await
        .unwrap();
    let (db, org_id) = (firm.db.clone(), firm.org_id);
    let refresh = tokio::spawn(async move { refresh::refresh_now(&db, org_id, |_| {}).await.unwrap() });
    firm.until_waiting(1).await;
    change.commit().await.unwrap();
    assert_eq!(refresh.await.unwrap().run.done, 3, "one was closed meanwhile");
    facts[1] = crate::support::facts("85", "25000.00", 3);
    firm.assert_tiered_by(&TierPolicy::revision_1(), &ids[..2], &facts[..2]).await;
    firm.assert_tiered_by(&TierPolicy::revision_1(), &ids[3..], &facts[3..]).await;
}

#[tokio::test]
async fn workers_share_a_refresh_by_its_ranges() {
    let firm = Firm::new().await;
    let facts: Vec<JudgmentFacts> = (0..10).map(sample::facts).collect();
    let ids = firm.add(&facts).await;
    let after = TierPolicy::monotone_draft();
    firm.publish(&after).await;
    // Ranges as a portfolio of tens of thousands has them.
    firm.execute(
        "insert into public.tier_refresh_ranges (org_id, refresh_id, last_no, after_no)
         select org_id, refresh_id, n, n - 4 from public.tier_refresh_ranges, unnest(array[4, 8]) n;
         update public.tier_refresh_ranges set after_no = 8 where last_no > 8",
    )
    .await;
    let mut other = firm.begin().await;
    let id = refreshes::newest(&mut other).await.unwrap().unwrap().id;
    sqlx::query("select from public.tier_refresh_ranges where last_no = 4 for update")
        .execute(&mut *other)
        .await
        .unwrap();
    let step = async || refreshes::step(&firm.db, id, 10).await.unwrap().map(|refresh| refresh.run.done);
    assert_eq!((step().await, step().await), (Some(4), Some(6)), "the first range is another worker's");
    assert_eq!(step().await, None, "nothing else is left");
    other.rollback().await.unwrap();
    let run = refresh(&firm).await.run;
    assert_eq!((run.state, run.done, run.total), (RefreshState::Done, 10, 10));
    firm.assert_tiered_by(&after, &ids, &facts).await;
}

#[tokio::test]
async fn a_publish_overtakes_the_refresh_of_the_revision_before() {
    let firm = Firm::new().await;
    let facts: Vec<JudgmentFacts> = (0..200).map(sample::facts).collect();
    let ids = firm.add(&facts).await;
    firm.publish(&TierPolicy::monotone_draft()).await;
    let mut tx = firm.begin().await;
    let first = refreshes::newest(&mut tx).await.unwrap().unwrap().id;
    drop(tx);
    refreshes::step(&firm.db, first, 50).await.unwrap();

    // A publish in progress and the next chunk wait for one another in one order only.
    let after = TierPolicy::try_from(sample::policy_document(7)).unwrap();
    let publish = firm.begin_publish(&after).await;
    let db = firm.db.clone();
    let chunk = tokio::spawn(async move { refreshes::step(&db, first, 50).await });
    firm.until_waiting(1).await;
    publish.commit().await.unwrap();
    let overtaken = chunk.await.unwrap().unwrap().unwrap();
    assert_eq!(overtaken.run.state, RefreshState::Failed);
    assert_eq!(overtaken.run.error.as_deref(), Some("overtaken by revision 3"));

    refresh(&firm).await;
    firm.assert_tiered_by(&after, &ids, &facts).await;
}

#[tokio::test]
async fn a_refresh_that_cannot_be_done_ends_with_its_error() {
    let firm = Firm::new().await;
    firm.add(&[some_facts()]).await;
    firm.execute("update public.tier_policies set tier_sql = '1 / 0' where state = 'published'").await;
    let run = refresh(&firm).await.run;
    assert_eq!(run.state, RefreshState::Failed);
    assert_eq!(run.error.as_deref(), Some("error returned from database: division by zero"));
}

#[tokio::test]
async fn refresh_enforcement_metrics_tiers_by_the_stored_expression() {
    let firm = Firm::new().await;
    let facts: Vec<JudgmentFacts> = (0..300).map(sample::facts).collect();
    let ids = firm.add(&facts).await;
    let mut tx = firm.begin().await;
    let done: i64 =
        sqlx::query_scalar("select public.refresh_enforcement_metrics()").fetch_one(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(done, 300);
    firm.assert_tiered_by(&TierPolicy::revision_1(), &ids, &facts).await;
}

#[tokio::test]
async fn what_the_stored_sql_writes_otherwise_than_the_crate_decides_is_counted_and_named() {
    let firm = Firm::new().await;
    let policy = TierPolicy::revision_1();
    let facts: Vec<JudgmentFacts> = (0..300).map(sample::facts).collect();
    firm.add(&facts).await;
    assert_eq!(refresh(&firm).await.run.drifted, 0);

    // One that nobody could see in the counts: tiers 2 and 3 change places.
    firm.execute(
        "update public.tier_policies set tier_sql = 'case (' || tier_sql || ') when 2 then 3 when 3 then 2 else (' || tier_sql || ') end'
          where state = 'published'",
    )
    .await;
    let run = refresh(&firm).await.run;
    let expected: Vec<(u64, Tier, Tier)> = (1..)
        .zip(&facts)
        .filter_map(|(judgment_no, facts)| match policy.tier_of(facts) {
            Tier::ActiveEnforcement => Some((judgment_no, Tier::StrategicPriority, Tier::ActiveEnforcement)),
            Tier::StrategicPriority => Some((judgment_no, Tier::ActiveEnforcement, Tier::StrategicPriority)),
            _ => None,
        })
        .collect();
    assert_eq!((run.state, run.drifted), (RefreshState::Done, expected.len() as u64));
    let named: Vec<_> = run
        .drifts
        .iter()
        .map(|drift| (drift.judgment.judgment_no, drift.written, drift.decided.unwrap()))
        .collect();
    assert_eq!(named, expected[..10]);
}

#[tokio::test]
async fn a_document_that_is_not_the_published_one_vouches_for_nothing() {
    let firm = Firm::new().await;
    firm.add(&[some_facts(); 3]).await;
    firm.execute(
        "set session_replication_role = replica;
         update public.tier_policies set document = jsonb_set(document, '{limits,score_3}', '\"81\"') where state = 'published';
         reset session_replication_role",
    )
    .await;
    let run = refresh(&firm).await.run;
    assert_eq!((run.done, run.drifted), (3, 3));
    assert!(run.drifts.iter().all(|drift| drift.decided.is_none()));
}
