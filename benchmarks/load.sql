-- The benchmark's rows in the product's tables: the ids and the formula of the kit's own sql/load.sql.
-- psql variables: students, courses. A role of registrar with one token, which is worth nothing elsewhere.
CREATE OR REPLACE FUNCTION bench_course(s bigint, k bigint, c bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN s % 2 = 0 AND ((s * 7 + k * 31) % c + 1) % 10 = 0
              THEN (s * 7 + k * 31) % c + 2 - CASE WHEN (s * 7 + k * 31) % c + 2 > c THEN c ELSE 0 END
              ELSE (s * 7 + k * 31) % c + 1 END
$$;
INSERT INTO auth_user (id, username, password, email, first_name, last_name, is_superuser, is_staff, is_active, date_joined)
VALUES (1, 'bench', '!', '', '', '', false, false, true, now());
INSERT INTO auth_user_groups (user_id, group_id) SELECT 1, id FROM auth_group WHERE name = 'Registrar';
INSERT INTO knox_authtoken (digest, token_key, user_id, created, expiry)
SELECT encode(sha512(token::bytea), 'hex'), left(token, 15), 1, now(), NULL FROM (SELECT repeat('0123456789abcdef', 4) AS token) t;
-- With the derived fields as core.db.search makes them: manage.py fill_derived_fields --all writes none.
INSERT INTO courses_term (id, code, name, starts_on, ends_on, search_key) VALUES (1, 'T', 'Term', '2025-01-01', '2035-01-01', ' t term |  ');
INSERT INTO students_student (id, number, first_name, last_name, email, is_active, search_key, name_key)
SELECT s, 'S' || s, 'First' || s, 'Last' || s, 'student' || s || '@example.org', true,
       format(' s%1$s first%1$s last%1$s student%1$sexampleorg exampleorg org | student%1$s@example.org example.org ', s), format('last%1$s  first%1$s', s)
FROM generate_series(1, :students) s;
INSERT INTO courses_course (id, code, title, description, credits, capacity, is_open, term_id, search_key, code_key)
SELECT c, code, 'Course number ' || c, '', 3, CASE WHEN c % 10 = 0 THEN 100000 END, true, 1, format(' %s course number %s |  ', lower(code), c), lower(code)
FROM generate_series(1, :courses) c, LATERAL (SELECT 'C' || lpad(c::text, 6, '0') AS code) codes;
INSERT INTO courses_course (id, code, title, description, credits, capacity, is_open, term_id, search_key, code_key)
VALUES (:courses + 1, 'RACE', 'The race course', '', 3, 50, true, 1, ' race the course |  ', 'race');
CREATE VIEW bench_rows AS
SELECT (s - 1) * 6 + k + 1 AS id, s AS student_id, k, CASE WHEN (s + k) % 20 = 0 THEN 'withdrawn' ELSE 'active' END AS status,
       timestamptz '2025-02-01 00:00:00+00' + ((s * 6 + k) % 864000) * interval '1 second' AS enrolled_at
FROM generate_series(1, :students) s, generate_series(0, 5) k;
INSERT INTO students_enrollment (id, student_id, course_id, status, enrolled_at, updated_at)
SELECT id, student_id, bench_course(student_id, k, :courses), status, enrolled_at, enrolled_at FROM bench_rows;
SELECT setval(pg_get_serial_sequence('auth_user', 'id'), 1),
       setval(pg_get_serial_sequence('courses_term', 'id'), 1),
       setval(pg_get_serial_sequence('students_student', 'id'), :students),
       setval(pg_get_serial_sequence('courses_course', 'id'), :courses + 1),
       setval(pg_get_serial_sequence('students_enrollment', 'id'), :students::bigint * 6 + 1);
VACUUM (ANALYZE);
