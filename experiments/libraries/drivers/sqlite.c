/* sqlite.c - an in-memory database: rows in, an index over them, rows out; then one that lies in a host's buffer.
 *
 * What is bound and what the queries say lies in buffers of the host, which are long enough to be lent
 * mapped; case `image` reads a whole database out of one (sqlite3_deserialize). Each case is a few
 * calls with much to do: what a crossing costs is another experiment's figure (gates).
 */
#include "harness.h"
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 150000, TEXT_BYTES = 1 << 20, HEAD_BYTES = 16, POINTS = 150000, SCANS = 3, IMAGE_SCANS = 1, INSERT_ROUNDS = 6 };

static char *statement; /* a buffer of the host, for SQL */

static sqlite3_stmt *prepare(sqlite3 *database, const char *sql) {
    sqlite3_stmt *made = NULL;
    strcpy(statement, sql);
    NEED(sqlite3_prepare_v2(database, statement, -1, &made, NULL) == SQLITE_OK);
    return made;
}

static void execute(sqlite3 *database, const char *sql) {
    strcpy(statement, sql);
    NEED(sqlite3_exec(database, statement, NULL, NULL, NULL) == SQLITE_OK);
}

/* All rows of a query into the check; of long texts their beginnings, so that our own work does not count. */
static uint64_t gather(sqlite3_stmt *query, uint64_t check) {
    int status;
    while ((status = sqlite3_step(query)) == SQLITE_ROW) {
        const int columns = sqlite3_column_count(query);
        for (int i = 0; i < columns; i++) {
            const unsigned char *text = sqlite3_column_text(query, i);
            const size_t length = (size_t)sqlite3_column_bytes(query, i);
            check = check_bytes(check ^ length, text, length < HEAD_BYTES ? length : HEAD_BYTES);
        }
    }
    NEED(status == SQLITE_DONE);
    return check;
}

/* Rows whose texts are pieces of one long one, made by a query, so that the work is the library's. */
static uint64_t insert(sqlite3 *database, char *text) {
    execute(database, "create table t(id integer primary key, k integer, v real, s text)");
    sqlite3_stmt *into = prepare(
        database, "with recursive c(x, r) as (values(1, 42) union all"
                  " select x + 1, (r * 1103515245 + 12345) % 2147483648 from c where x < ?2)"
                  " insert into t(k, v, s) select r / 2048, r % 65536 / 16.0,"
                  " cast(substr(?1, 1 + r % 1048000, 20 + x % 60) as text) from c");
    sqlite3_bind_blob(into, 1, text, TEXT_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(into, 2, ROWS);
    NEED(sqlite3_step(into) == SQLITE_DONE);
    sqlite3_finalize(into);
    return (uint64_t)sqlite3_total_changes(database);
}

/* Look-ups through the index, again in one query. */
static uint64_t points(sqlite3 *database) {
    sqlite3_stmt *query = prepare(
        database, "with recursive c(x, r) as (values(1, 7) union all"
                  " select x + 1, (r * 1103515245 + 12345) % 2147483648 from c where x < ?1)"
                  " select count(*), sum(v), max(s) from c cross join t on k between r / 2048 and r / 2048 + 5");
    sqlite3_bind_int64(query, 1, POINTS);
    const uint64_t check = gather(query, CHECK_BEGIN);
    sqlite3_finalize(query);
    return check;
}

static uint64_t scan(sqlite3 *database, int rounds) {
    uint64_t check = CHECK_BEGIN;
    static const char *const queries[] = {
        "select k % 100, count(*), sum(v), max(s) from t group by 1 order by 3",
        "select count(*) from t where s like '%info%ver%' or v > 4000",
        "select upper(substr(s, 1, 8)) as head, avg(v) from t where id % 3 = 0 group by head order by 2 limit 50",
    };
    for (int round = 0; round < rounds; round++) {
        for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
            sqlite3_stmt *query = prepare(database, queries[i]);
            check = gather(query, check);
            sqlite3_finalize(query);
        }
    }
    return check;
}

int main(void) {
    sqlite3 *database = NULL, *second = NULL;
    sqlite3_int64 bytes = 0;
    char *text = host_buffer(TEXT_BYTES);
    statement = host_buffer(4096);
    fill_text(text, TEXT_BYTES, 5);
    strcpy(statement, ":memory:");
    NEED(sqlite3_open(statement, &database) == SQLITE_OK && sqlite3_open(statement, &second) == SQLITE_OK);

    case_begin();
    uint64_t check = insert(database, text);
    for (int round = 1; round < INSERT_ROUNDS; round++) {
        execute(database, "drop table t");
        check = insert(database, text);
    }
    case_end("insert");
    case_check(check);
    case_begin();
    execute(database, "create index t_k on t(k)");
    execute(database, "create index t_s on t(s, v)");
    case_end("index");
    case_begin();
    check = points(database);
    case_end("points");
    case_check(check);
    case_begin();
    check = scan(database, SCANS);
    case_end("scan");
    case_check(check);

    unsigned char *image = sqlite3_serialize(database, "main", &bytes, 0);
    NEED(image != NULL);
    unsigned char *copy = host_buffer((size_t)bytes);
    memcpy(copy, image, (size_t)bytes);
    NEED(sqlite3_deserialize(second, "main", copy, bytes, bytes, SQLITE_DESERIALIZE_READONLY) == SQLITE_OK);
    case_begin();
    check = points(second) ^ scan(second, IMAGE_SCANS);
    case_end("image");
    case_check(check);
    NEED(sqlite3_close(second) == SQLITE_OK && sqlite3_close(database) == SQLITE_OK);
    report();
    return 0;
}
