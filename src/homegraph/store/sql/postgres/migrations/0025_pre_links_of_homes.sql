-- Nothing: rows lie in no order here, so an index leads to them in any case.

SELECT 1;
