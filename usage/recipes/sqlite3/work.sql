CREATE TABLE pair (a INTEGER PRIMARY KEY, b TEXT);
CREATE INDEX of_b ON pair (b);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
    INSERT INTO pair SELECT i, 'value ' || (i * 7919 % 2000) FROM n;
COMMIT;
DELETE FROM pair WHERE a % 3 = 0;
VACUUM;
PRAGMA integrity_check;
SELECT count(*), sum(a) FROM pair;
