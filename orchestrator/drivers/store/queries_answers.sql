-- Answers to writes that came with a key; in the form of `queries.sql`.

-- answers_forget -- nobody sends the same again after so long
delete from answers where at < :before;

-- answer_find -- what is known of a key
select fingerprint, owner, status, value from answers where key = :key;

-- answer_begin -- somebody works on it
insert into answers (key, fingerprint, owner, at) values (:key, :fingerprint, :owner, :at);

-- answer_take_over -- whoever worked on it is gone
update answers set owner = :owner, at = :at where key = :key and status is null;

-- answer_keep -- it was answered
update answers set status = :status, value = :value where key = :key and owner = :owner;

-- answer_drop -- it came to nothing, and may be tried again
delete from answers where key = :key and owner = :owner and status is null;
