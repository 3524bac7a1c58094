-- Rows for pages.py, in an empty database: `first` and `last` are tables of names, each with the share of people up to it.
-- Every course has its share of the students, but in a school of any size there is one of 1,500, and sixty of 60 that are full.
INSERT INTO auth_user (id, username, password, email, first_name, last_name, is_superuser, is_staff, is_active, date_joined)
VALUES (1, 'bench', '!', '', '', '', true, true, true, now());
INSERT INTO auth_user_groups (user_id, group_id) SELECT 1, id FROM auth_group WHERE name = 'Registrar';
INSERT INTO courses_term (id, code, name, starts_on, ends_on)
SELECT t, 'T' || t, 'Term ' || t, now()::date - 60 - 180 * (10 - t), now()::date + 90 - 180 * (10 - t) FROM generate_series(1, 10) t;
SELECT setseed(0.42);
CREATE TEMP TABLE drawn AS SELECT s, random() AS f, random() AS l FROM generate_series(1, %(students)s) s;
INSERT INTO students_student (id, number, first_name, last_name, email, is_active)
SELECT s, 'S' || lpad(s::text, 7, '0'), f.name, l.name, regexp_replace(lower(f.name || '.' || l.name), '[^a-z.]', '', 'g') || s || '@school.example', mod(s, 50) > 0
FROM drawn, LATERAL (SELECT name FROM first WHERE upto >= f ORDER BY upto LIMIT 1) f, LATERAL (SELECT name FROM last WHERE upto >= l ORDER BY upto LIMIT 1) l;
INSERT INTO courses_course (id, code, title, description, credits, capacity, is_open, term_id)
SELECT c, subject[mod(c, 8) + 1] || '-' || c, subject[mod(c, 8) + 1] || ' number ' || c, '', 3, CASE WHEN mod(c, 3) = 0 THEN %(students)s::bigint * 3 / %(courses)s END,
    mod(c, 20) > 0, 1 + (c - 1) * 10 / %(courses)s
FROM generate_series(1, %(courses)s) c, (SELECT ARRAY['BIO', 'CHE', 'MAT', 'ART', 'PHY', 'HIS', 'GEO', 'LAT'] AS subject) subjects;
INSERT INTO courses_course (id, code, title, description, credits, capacity, is_open, term_id)
SELECT %(courses)s + 1 + n, CASE n WHEN 0 THEN 'EVEN' ELSE 'FULL-' || n END, 'Of as many in any school', '', 3, CASE WHEN n > 0 THEN 60 END, true, 10
FROM generate_series(0, 60) n;
INSERT INTO students_enrollment (id, student_id, course_id, status, enrolled_at, updated_at)
SELECT row_number() OVER (ORDER BY c, s), s, c, CASE
        WHEN c > %(courses)s THEN 'active' WHEN mod(s + c, 20) = 0 THEN 'withdrawn' WHEN c <= %(courses)s * 0.8 THEN 'completed'
        WHEN mod(s + c, 40) = 7 AND mod(c, 3) = 0 THEN 'waitlisted' ELSE 'active' END, at, at
FROM (
    SELECT s, 1 + mod(s * 7 + k * 691, %(courses)s) AS c FROM generate_series(1, %(students)s::bigint) s, generate_series(0, 2) k
    UNION ALL SELECT 1 + n * (%(students)s / 1500), %(courses)s + 1 FROM generate_series(0, 1499) n
    UNION ALL SELECT 1 + n * %(students)s::bigint / 3600, %(courses)s + 2 + mod(n, 60) FROM generate_series(0, 3599) n
) pairs, LATERAL (SELECT now() - interval '50 days' + mod(s, 86400) * interval '50 second' AS at) moment;
INSERT INTO students_historicalenrollment (id, student_id, course_id, status, enrolled_at, updated_at, history_date, history_type, history_change_reason, door, who)
SELECT id, student_id, course_id, status, enrolled_at, updated_at, updated_at, '+', '', 'import', '' FROM students_enrollment;
SELECT setval(pg_get_serial_sequence('auth_user', 'id'), 1), setval(pg_get_serial_sequence('courses_term', 'id'), 10),
    setval(pg_get_serial_sequence('students_student', 'id'), %(students)s), setval(pg_get_serial_sequence('courses_course', 'id'), %(courses)s + 61),
    setval(pg_get_serial_sequence('students_enrollment', 'id'), %(students)s::bigint * 3 + 5100);
