//! What generates is owned: it can be stored, sent to another thread, and outlive the generator
//! that it came from.

use crate::fixtures::{faust, repository};
use crate::generation::generator::{options, wild};
use std::iter::FusedIterator;
use std::sync::Arc;
use std::thread;
use wolfgang_generate::{
    Batch, CancelHandle, Conversation, DecodeStream, Device, Engine, Event, FinishReason,
    GenerateError, Generation, GenerationHandle, GenerationStream, History, LogitsProcessor,
    Message, Reply, Role, SamplingError, Session, SpecialTokens, Summary, Tokenizer,
    WolfgangGenerator,
};

#[test]
fn public_types_are_owned_and_can_be_sent() {
    fn sendable<T: Send + 'static>() {}
    fn shareable<T: Send + Sync + 'static>() {}
    fn fused<T: FusedIterator>() {}
    sendable::<Generation>();
    sendable::<Reply>();
    sendable::<Batch>();
    shareable::<WolfgangGenerator>();
    shareable::<Tokenizer>();
    shareable::<DecodeStream>();
    shareable::<Session>();
    shareable::<Conversation>();
    shareable::<CancelHandle>();
    shareable::<Engine>();
    sendable::<GenerationHandle>();
    sendable::<GenerationStream>();
    shareable::<Event>();
    shareable::<GenerateError>();
    fused::<Generation>();
    fused::<Reply>();
    fused::<GenerationHandle>();
}

fn first_event(generation: &mut Generation) {
    generation.next().unwrap().unwrap();
}

#[test]
fn generations_outlive_their_generator_on_other_threads() {
    let with = wild(12);
    let expected = faust().generate_text("Habe nun", &with).unwrap().text;
    let workers = {
        let own = WolfgangGenerator::from_path(repository("models/faust"), &Device::flex());
        let own = own.unwrap();
        let generation = own.generate("Habe nun", &with).unwrap();
        let batch: Batch = [own.generate("Habe nun", &with).unwrap()]
            .into_iter()
            .collect();
        let session = own.session();
        let generator = own.clone();
        let options = with.clone();
        [
            thread::spawn(move || generation.into_summary().unwrap().text),
            thread::spawn(move || {
                let pieces = batch.filter_map(|(_, event)| match event.unwrap() {
                    Event::Text { text, .. } => Some(text),
                    _ => None,
                });
                pieces.collect()
            }),
            thread::spawn({
                let options = options.clone();
                move || session.generate_text("Habe nun", &options).unwrap().text
            }),
            thread::spawn(move || generator.generate_text("Habe nun", &options).unwrap().text),
        ]
    };
    for worker in workers {
        assert_eq!(worker.join().unwrap(), expected);
    }
}

#[test]
fn decode_stream_outlives_its_tokenizer() {
    let path = repository("models/faust/tokenizer.json");
    let tokenizer = Tokenizer::from_file(path).unwrap();
    let ids = tokenizer.encode("Größe").unwrap();
    let mut stream = tokenizer.decode_stream(SpecialTokens::Skip);
    drop(tokenizer);
    let text: String = ids.iter().map(|&id| stream.push(id).to_owned()).collect();
    assert_eq!(text + &stream.finish(), "Größe");
}

#[test]
fn generation_is_fused() {
    let mut generation = faust().generate("Ach", &options(2)).unwrap();
    while generation.next().is_some() {}
    assert!(generation.next().is_none() && generation.next().is_none());
    assert_eq!(generation.into_summary().unwrap().generated_tokens, 2);
}

/// The second finds no cache; both give the text of a generator without a session, in any order of
/// their steps.
#[test]
fn overlapping_generations_of_a_session_give_their_own_texts() {
    let prompts: [Vec<u32>; 2] = [(300..330).collect(), (300..340).collect()];
    let expected = prompts
        .each_ref()
        .map(|prompt| faust().generate_text(prompt, &wild(10)).unwrap().ids);
    let session = faust().session();
    session.generate_text(&prompts[0], &options(1)).unwrap();
    let mut running = prompts
        .each_ref()
        .map(|prompt| session.generate(prompt, &wild(10)).unwrap());
    for _ in 0..3 {
        running.iter_mut().for_each(first_event);
    }
    assert!(session.ids().is_empty(), "the first has the cache");
    let [first, second] = running.map(|generation| generation.into_summary().unwrap());
    assert_eq!([&first.ids, &second.ids], expected.each_ref());
    assert_eq!((first.cached_tokens, second.cached_tokens), (29, 0));
    // The last to end leaves its cache.
    let both = [&prompts[1][..], &second.ids].concat();
    assert_eq!(session.ids(), both[..both.len() - 1]);
}

#[test]
fn overlapping_generations_of_a_session_on_threads_give_their_own_texts() {
    let prompt: Vec<u32> = (300..330).collect();
    let with = |seed| wild(10).with_seed(seed);
    let session = Arc::new(faust().session());
    let workers: Vec<_> = (0..6)
        .map(|seed| {
            let (session, prompt) = (Arc::clone(&session), prompt.clone());
            thread::spawn(move || session.generate_text(&prompt, &with(seed)).unwrap().ids)
        })
        .collect();
    for (seed, worker) in (0..6).zip(workers) {
        let expected = faust().generate_text(&prompt, &with(seed)).unwrap();
        assert_eq!(worker.join().unwrap(), expected.ids);
    }
    assert!(!session.ids().is_empty());
}

#[test]
fn generations_of_one_session_can_be_in_one_batch() {
    let prompt: Vec<u32> = (300..330).collect();
    let session = faust().session();
    session.generate_text(&prompt, &options(1)).unwrap();
    let running = [1, 2].map(|_| session.generate(&prompt, &wild(5)).unwrap());
    let batch: Batch = running.into_iter().collect();
    let expected = faust().generate_text(&prompt, &wild(5)).unwrap();
    let mut finished = 0;
    for (_, event) in batch {
        if let Event::Finished(summary) = event.unwrap() {
            assert_eq!((&summary.ids, summary.cached_tokens), (&expected.ids, 29));
            finished += 1;
        }
    }
    assert_eq!(finished, 2);
}

#[test]
fn session_has_its_cache_back_when_a_generation_finishes_or_is_dropped() {
    let session = faust().session();
    session.generate_text("Wer reitet", &options(3)).unwrap();
    let cached = session.ids();

    // Not started, or cancelled before its start: it never had the cache.
    drop(session.generate("Ach", &options(3)).unwrap());
    let mut cancelled = session.generate("Ach", &options(3)).unwrap();
    cancelled.cancel();
    assert!(cancelled.into_summary().unwrap().ids.is_empty());
    assert_eq!(session.ids(), cached);

    let mut generation = session.generate("Wer reitet", &options(3)).unwrap();
    first_event(&mut generation);
    assert!(session.ids().is_empty());
    assert!(session.clone().ids().is_empty(), "a fork shares no lease");
    let last = generation.by_ref().last().unwrap().unwrap();
    assert!(matches!(last, Event::Finished(_)));
    // The generation is still there.
    assert_eq!(session.ids(), cached);
    drop(generation);
    assert_eq!(session.ids(), cached);

    let mut generation = session.generate("Wer reitet", &options(3)).unwrap();
    first_event(&mut generation);
    drop(generation);
    assert!(!session.ids().is_empty());
}

/// NaN once this many tokens are generated.
struct BreaksAfter(usize);

impl LogitsProcessor for BreaksAfter {
    fn process(&mut self, logits: &mut [f32], history: History<'_>) {
        if history.generated.len() == self.0 {
            logits[3] = f32::NAN;
        }
    }
}

fn failed(error: GenerateError) -> Summary {
    let GenerateError::GenerationFailed { source, partial } = error else {
        panic!("{error}");
    };
    assert!(
        matches!(
            *source,
            GenerateError::Sampling(SamplingError::InvalidLogit { id: 3, .. })
        ),
        "{source}"
    );
    assert_eq!(partial.reason, FinishReason::Error);
    *partial
}

#[test]
fn an_error_holds_the_summary_of_what_was_generated_before() {
    let free = faust().generate_text("Wer reitet", &wild(6)).unwrap();
    // Text that is held back at the error counts, too.
    let almost = wild(20).with_stop_strings([format!("{}€", free.text)]);
    for with in [wild(20), almost] {
        let begin = || {
            let generation = faust().generate("Wer reitet", &with).unwrap();
            generation.with_processor(BreaksAfter(6))
        };
        let error = begin().into_summary().unwrap_err();
        assert_eq!(error.to_string(), "failed to generate token 7");
        let partial = failed(error);
        assert_eq!((&partial.text, &partial.ids), (&free.text, &free.ids));
        assert_eq!(partial.generated_tokens, 6);

        let mut generation = begin();
        let error = generation.by_ref().find_map(Result::err).unwrap();
        let yielded = failed(error);
        assert!(generation.next().is_none(), "an error is the end");
        // Not `Cancelled`: the iterator has returned the error already.
        let summary = generation.into_summary().unwrap();
        assert_eq!(summary, yielded);
        assert_eq!(summary.ids, free.ids);
    }
}

#[test]
fn summary_after_the_last_event_is_that_event() {
    let with = options(5)
        .with_logprobs(2)
        .with_explain(2)
        .with_include_prompt(true);
    let mut generation = faust().generate("Ach", &with).unwrap();
    let last = generation.by_ref().last().unwrap().unwrap();
    assert_eq!(last, Event::Finished(generation.into_summary().unwrap()));
}

#[test]
fn reply_on_another_thread_is_added_to_its_conversation() {
    let mut conversation = faust().conversation("").unwrap();
    let reply = conversation.send("Wer bist du?", &options(5)).unwrap();
    assert_eq!(conversation.messages().len(), 1);
    let worker = thread::spawn(move || reply.into_summary().unwrap());
    let summary = worker.join().unwrap();
    let content = summary.text.strip_suffix('\n').unwrap_or(&summary.text);
    let reply = Message::new(Role::Assistant, content);
    assert_eq!(conversation.messages()[1..], [reply]);
    assert!(conversation.send("Warum?", &options(5)).is_ok());
}

#[test]
fn a_second_message_during_a_reply_is_refused_and_changes_nothing() {
    let mut conversation = faust().conversation("").unwrap();
    let mut reply = conversation.send("Wer bist du?", &options(5)).unwrap();
    let refused = |conversation: &mut Conversation| {
        let errors = [
            conversation.send("Warum?", &options(5)).map(drop),
            conversation.regenerate(&options(5)).map(drop),
        ];
        for error in errors {
            assert!(matches!(error, Err(GenerateError::ReplyInProgress)));
        }
        assert_eq!(conversation.messages().len(), 1);
    };
    refused(&mut conversation);
    reply.next().unwrap().unwrap();
    refused(&mut conversation);
    assert!(matches!(
        reply.by_ref().last(),
        Some(Ok(Event::Finished(_)))
    ));
    // The finished reply need not be dropped; nor is it added again.
    assert_eq!(conversation.messages().len(), 2);
    let second = conversation.send("Warum?", &options(5)).unwrap();
    reply.into_summary().unwrap();
    assert_eq!(conversation.messages().len(), 3);

    // After a dropped or failed reply, the message has none and the conversation can continue.
    drop(second);
    let failing = conversation.regenerate(&options(5)).unwrap();
    let error = failing.with_processor(BreaksAfter(2)).into_summary();
    assert_eq!(failed(error.unwrap_err()).generated_tokens, 2);
    assert_eq!(conversation.messages().len(), 3);
    let failing = conversation.regenerate(&options(5)).unwrap();
    let mut failing = failing.with_processor(BreaksAfter(2));
    let error = failing.by_ref().find_map(Result::err).unwrap();
    assert_eq!(failed(error).generated_tokens, 2);
    let again = conversation.regenerate(&options(5)).unwrap();
    again.into_summary().unwrap();
    assert_eq!(failing.into_summary().unwrap().reason, FinishReason::Error);
    assert_eq!(conversation.messages().len(), 4);
}

#[test]
fn a_reply_to_replaced_messages_is_not_added_to_the_new_ones() {
    type Replace = fn(&mut Conversation);
    let replacements: [Replace; 2] = [Conversation::reset, |conversation| {
        conversation.set_messages(Vec::new());
    }];
    for replace in replacements {
        let mut conversation = faust().conversation("").unwrap();
        let old = conversation.send("Wer bist du?", &options(5)).unwrap();
        replace(&mut conversation);
        let new = conversation.send("Und ich?", &options(5)).unwrap();
        old.into_summary().unwrap();
        let new = new.into_summary().unwrap();
        let messages = conversation.messages();
        assert_eq!(messages.len(), 2);
        assert_eq!(messages[0].content, "Und ich?");
        assert_eq!(messages[1].content, new.text.trim_end_matches('\n'));
    }
}

#[test]
fn a_fork_during_a_reply_can_be_sent_messages() {
    let mut conversation = faust().conversation("").unwrap();
    let reply = conversation.send("Wer bist du?", &options(5)).unwrap();
    let mut fork = conversation.clone();
    let forked = fork.regenerate(&options(5)).unwrap();
    let forked = forked.into_summary().unwrap();
    assert_eq!(conversation.messages().len(), 1);
    assert_eq!(reply.into_summary().unwrap().text, forked.text);
    assert_eq!(conversation.messages(), fork.messages());
}
