-- Back to the loaded state after a write test. The last 2000 students are the zone of the bulk tests.
BEGIN;
TRUNCATE students_historicalenrollment;
DELETE FROM students_enrollment WHERE student_id > :students - 2000 OR id > :students::bigint * 6;
INSERT INTO students_enrollment (id, student_id, course_id, status, enrolled_at, updated_at)
SELECT id, student_id, bench_course(student_id, k, :courses), status, enrolled_at, enrolled_at FROM bench_rows WHERE student_id > :students - 2000;
COMMIT;
VACUUM (ANALYZE) students_enrollment;
