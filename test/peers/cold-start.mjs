export async function measureColdStart() {}
